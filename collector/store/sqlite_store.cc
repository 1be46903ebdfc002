// Writing and keeping, see sqlite_store.h. Searching is in sqlite_search.cc.
#include "collector/store/sqlite_store.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

namespace undercoat::collector {
namespace {

namespace fs = std::filesystem;

uint64_t size_on_disk(const std::string& path) {
    uint64_t bytes = 0;
    for (const char* suffix : {"", "-wal"}) {
        std::error_code error;
        if (const auto n = fs::file_size(path + suffix, error); !error) bytes += n;
    }
    return bytes;
}

void remove_files(const std::string& path) {
    std::error_code ignored;
    for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(path + suffix, ignored);
}

}  // namespace

SqliteStore::SqliteStore(const StoreSettings& settings) : settings_(settings) {}

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const StoreSettings& settings) {
    std::unique_ptr<SqliteStore> store(new SqliteStore(settings));
    try {
        store->open_files();
    } catch (const std::exception& e) {
        return Error{"The alerts in " + settings.directory + " cannot be opened: " + e.what() + "."};
    }
    return store;
}

std::string SqliteStore::path_of(uint32_t number) const {
    return fmt::format("{}/alerts-{:06}.db", settings_.directory, number);
}

void SqliteStore::open_files() {
    std::vector<uint32_t> numbers;
    for (const auto& entry : fs::directory_iterator(settings_.directory)) {
        const std::string name = entry.path().filename();
        unsigned number = 0;
        if (name.size() == 16 && std::sscanf(name.c_str(), "alerts-%6u.db", &number) == 1 &&
            name == fs::path(path_of(number)).filename())
            numbers.push_back(number);
    }
    std::sort(numbers.begin(), numbers.end());
    for (size_t i = 0; i + 1 < numbers.size(); ++i)
        files_.push_back(PartitionWriter(numbers[i], path_of(numbers[i])).facts());
    const uint32_t last = numbers.empty() ? 1 : numbers.back();
    writer_ = std::make_unique<PartitionWriter>(last, path_of(last));
    files_.push_back(writer_->facts());
    // A file that a kill left half made, or one of a version that made it in two steps, knows nothing of streams yet.
    Progress known = writer_->read_progress();
    const bool fresh = known.empty();
    for (size_t i = numbers.size(); fresh && known.empty() && i-- > 1;)
        known = PartitionWriter(numbers[i - 1], path_of(numbers[i - 1])).read_progress();
    for (const auto& [key, progress] : known) remember(key, progress);
    if (std::vector<AlertRecord> none; fresh && !progress_.empty()) writer_->write(none, progress_);
}

// The streams of an agent that were seen last are enough: an older one was acknowledged, or is sent again and stored twice.
void SqliteStore::remember(const StreamKey& key, const StreamProgress& progress) {
    const auto [at, fresh] = progress_.insert_or_assign(key, progress);
    if (!fresh) return;
    const auto first = progress_.lower_bound({std::get<0>(key), 0, 0});
    size_t count = 0;
    auto oldest = first, last = first;
    for (; last != progress_.end() && std::get<0>(last->first) == std::get<0>(key); ++last, ++count)
        if (last != at && (oldest == at || last->second.seen_ns < oldest->second.seen_ns)) oldest = last;
    if (count > kMostStreamsOfAgent) progress_.erase(oldest);
    if (progress_.size() <= kMostStreams) return;
    std::vector<int64_t> times;  // the oldest tenth goes at once, so that this is seldom
    for (const auto& p : progress_) times.push_back(p.second.seen_ns);
    std::nth_element(times.begin(), times.begin() + kMostStreams / 10, times.end());
    std::erase_if(progress_, [&](const auto& p) { return p.second.seen_ns <= times[kMostStreams / 10] && p.first != key; });
}

void SqliteStore::begin_file(uint32_t number) {
    const int64_t forget = now_ns() - std::chrono::nanoseconds(settings_.max_age).count();
    std::erase_if(progress_, [&](const auto& p) { return p.second.seen_ns < forget; });
    writer_ = std::make_unique<PartitionWriter>(number, path_of(number), progress_);
    std::lock_guard lock(mutex_);
    files_.push_back(writer_->facts());
}

void SqliteStore::roll_if_full() {
    const PartitionFacts& f = writer_->facts();
    if (f.rows == 0) return;
    const auto part = std::chrono::nanoseconds(settings_.max_age).count() / 10;
    if (f.rows >= settings_.rows_per_file || now_ns() - f.first_received > part ||
        size_on_disk(f.path) > settings_.max_bytes / 8)
        begin_file(f.number + 1);
}

Result<Stored> SqliteStore::commit(const std::vector<Incoming>& incoming) {
    Stored out;
    Progress changed;
    const int64_t now = now_ns();
    for (const Incoming& in : incoming) {
        auto& each = out.each.emplace_back();
        const StreamKey key{in.agent, in.epoch, in.stream};
        StreamProgress* progress = nullptr;
        if (in.numbered) {
            const auto [it, fresh] = changed.try_emplace(key);
            if (const auto known = progress_.find(key); fresh && known != progress_.end()) it->second = known->second;
            progress = &it->second;
            progress->seen_ns = now;
        }
        for (const remote::Alert& a : in.alerts) {
            if (progress && !progress->take(a.number, each.missing)) {
                ++out.duplicates;
                continue;
            }
            ++each.stored;
            out.alerts.push_back(record_of(in, a, now));
        }
    }
    try {
        if (!out.alerts.empty()) roll_if_full();
        writer_->write(out.alerts, changed);
    } catch (const SqliteError& e) {
        std::lock_guard lock(mutex_);
        trouble_ = e.what();
        return Error{"The alerts cannot be stored: " + trouble_ + "."};
    }
    for (const auto& [key, p] : changed) remember(key, p);
    std::lock_guard lock(mutex_);
    trouble_.clear();
    files_.back() = writer_->facts();
    return out;
}

void SqliteStore::tidy() {
    const int64_t oldest = now_ns() - std::chrono::nanoseconds(settings_.max_age).count();
    uint64_t bytes = state().bytes;
    std::vector<std::string> gone;
    {
        std::lock_guard lock(mutex_);
        while (files_.size() > 1 && (bytes > settings_.max_bytes || files_.front().last_received < oldest)) {
            bytes -= std::min(bytes, size_on_disk(files_.front().path));
            gone.push_back(files_.front().path);
            readers_.erase(files_.front().number);
            files_.erase(files_.begin());
        }
    }
    for (const std::string& path : gone) remove_files(path);
}

StoreState SqliteStore::state() const {
    std::vector<PartitionFacts> all = files();
    StoreState s;
    for (const PartitionFacts& f : all) {
        s.alerts += static_cast<uint64_t>(f.rows);
        s.bytes += size_on_disk(f.path);
        if (f.rows > 0) s.oldest_ns = f.min_time;
    }
    s.files = all.size();
    std::lock_guard lock(mutex_);
    s.trouble = trouble_;
    return s;
}

std::vector<PartitionFacts> SqliteStore::files() const {
    std::lock_guard lock(mutex_);
    return {files_.rbegin(), files_.rend()};
}

}  // namespace undercoat::collector
