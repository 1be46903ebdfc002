// See spool.h. A segment is a file <stream>-<epoch>-<first number>.alerts of records: size, check, key, alert; integers
// in the machine's order, since nobody else reads them.
#include "supervisor/forward/spool.h"

#include "wire/remote/codec.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>

namespace undercoat::forward {
namespace {

namespace fs = std::filesystem;

struct RecordHead {
    uint32_t size, check;  // of what follows the head
    uint64_t key;
};
constexpr size_t kMaxRecord = 256 << 10;
constexpr int kMostDirectories = 16;
constexpr time_t kSuccession = 60;  // seconds

uint32_t check_of(std::string_view bytes) {
    uint32_t h = 0x811c9dc5;
    for (const char c : bytes) h = (h ^ static_cast<uint8_t>(c)) * 0x01000193;
    return h;
}

}  // namespace

Spool::Spool(std::string directory, SpoolLimits limits, uint64_t epoch)
    : directory_(std::move(directory)), limits_(limits), epoch_(epoch) {
    if (!in_memory()) read_directory();
}

Spool::~Spool() {
    for (Stream& stream : streams_)
        for (Segment& s : stream)
            if (!s.path.empty() && s.unacknowledged() == 0) ::unlink(s.path.c_str());
}

void Spool::read_directory() {
    std::error_code error;
    std::vector<std::string> names;
    for (fs::directory_iterator it(directory_, error), end; !error && it != end; it.increment(error))
        if (it->path().extension() == ".alerts") names.push_back(it->path().filename());
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
        unsigned stream = 0;
        auto segment = read_segment(name, stream);
        if (!segment) {
            ++counters_.damaged;
            ::unlink((directory_ + "/" + name).c_str());
            continue;
        }
        counters_.bytes += segment->size;
        counters_.waiting += segment->unacknowledged();
        streams_[stream].push_back(std::move(*segment));
    }
    make_room();
}

std::optional<Spool::Segment> Spool::read_segment(const std::string& name, unsigned& stream) {
    Segment s;
    int used = 0;
    if (std::sscanf(name.c_str(), "%u-%16" SCNx64 "-%20" SCNu64 ".alerts%n", &stream, &s.epoch, &s.first, &used) != 3 ||
        static_cast<size_t>(used) != name.size() || stream >= kStreams || s.first == 0)
        return std::nullopt;
    s.path = directory_ + "/" + name;
    s.fd.reset(::open(s.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    s.last = s.first - 1;
    s.closed = true;
    std::string head_bytes, body;
    RecordHead head{};
    while (s.fd && read_at(s, s.size, sizeof head, head_bytes)) {
        std::memcpy(&head, head_bytes.data(), sizeof head);
        if (head.size == 0 || head.size > kMaxRecord || !read_at(s, s.size + sizeof head, head.size, body)) break;
        if (check_of(body) != head.check) break;
        s.size += sizeof head + head.size;
        ++s.last;
        if (head.key) known_keys_.insert(head.key);
    }
    // What lies behind the damage cannot be told apart: it is one loss, whatever it held.
    struct stat file {};
    if (s.last >= s.first && ::fstat(s.fd.get(), &file) == 0 && static_cast<size_t>(file.st_size) > s.size) ++counters_.damaged;
    return s.last < s.first ? std::nullopt : std::optional(std::move(s));
}

bool Spool::read_at(const Segment& s, size_t offset, size_t size, std::string& out) const {
    if (s.path.empty()) {
        if (offset + size > s.data.size()) return false;
        out.assign(s.data, offset, size);
        return true;
    }
    out.resize(size);
    for (size_t done = 0; done < size;) {
        const ssize_t n = ::pread(s.fd.get(), out.data() + done, size - done, static_cast<off_t>(offset + done));
        if (n <= 0) return false;
        done += static_cast<size_t>(n);
    }
    return true;
}

Spool::Segment& Spool::open_segment(unsigned stream) {
    Stream& all = streams_[stream];
    if (!all.empty() && !all.back().closed && all.back().size < limits_.segment) return all.back();
    if (!all.empty()) all.back().closed = true;
    // What was sent and acknowledged whole is not needed any more once there is a newer one.
    for (size_t i = all.size(); i-- > 0;)
        if (all[i].unacknowledged() == 0) remove(stream, i);
    Segment s;
    s.epoch = epoch_;
    s.first = numbers_[stream] + 1;
    s.last = s.first - 1;
    if (!in_memory()) {
        char name[80];
        std::snprintf(name, sizeof name, "/%u-%016" PRIx64 "-%020" PRIu64 ".alerts", stream, s.epoch, s.first);
        s.fd.reset(::open((directory_ + name).c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (s.fd) s.path = directory_ + name;
        else ++counters_.write_errors;  // this one stays in memory
    }
    all.push_back(std::move(s));
    return all.back();
}

void Spool::write(Segment& s, const std::string& record) {
    if (!s.path.empty()) {
        const ssize_t n = ::pwrite(s.fd.get(), record.data(), record.size(), static_cast<off_t>(s.size));
        if (n != static_cast<ssize_t>(record.size())) {
            // The disk is full, for one: what is in the file goes on in memory.
            ++counters_.write_errors;
            std::string data;
            if (s.size > 0 && !read_at(s, 0, s.size, data)) data.assign(s.size, '\0');
            ::unlink(s.path.c_str());
            s.fd.reset();
            s.path.clear();
            s.data = std::move(data);
        }
    }
    if (s.path.empty()) s.data += record;
    s.size += record.size();
    counters_.bytes += record.size();
}

void Spool::add(remote::Alert alert, uint64_t key) {
    const unsigned stream = std::min(alert.severity, kStreams - 1);
    Segment& s = open_segment(stream);
    alert.number = ++numbers_[stream];
    const std::string body = remote::encode_alert(alert);
    const RecordHead head{static_cast<uint32_t>(body.size()), check_of(body), key};
    std::string record(reinterpret_cast<const char*>(&head), sizeof head);
    record += body;
    write(s, record);
    s.last = alert.number;
    ++counters_.added;
    ++counters_.waiting;
    make_room();
}

void Spool::remove(unsigned stream, size_t index) {
    Segment& s = streams_[stream][index];
    counters_.bytes -= s.size;
    if (!s.path.empty()) ::unlink(s.path.c_str());
    streams_[stream].erase(streams_[stream].begin() + static_cast<std::ptrdiff_t>(index));
}

// Of segments that a disk refused, too: memory is scarcer than the disk.
size_t Spool::in_memory_bytes() const {
    size_t bytes = 0;
    for (const Stream& stream : streams_)
        for (const Segment& s : stream) bytes += s.data.size();
    return bytes;
}

// The alert is lost; those before it may still wait for their acknowledgement.
void Spool::give_up(Segment& s, uint64_t number) {
    if (number <= s.acknowledged || !s.lost.insert(number).second) return;
    ++counters_.damaged;
    --counters_.waiting;
}

void Spool::make_room() {
    for (;;) {
        const bool too_much = counters_.bytes > limits_.bytes;
        if (!too_much && in_memory_bytes() <= limits_.memory) return;
        // Only what lies in memory gives memory back.
        unsigned stream = kStreams;
        size_t index = 0;
        const auto fits = [&](const Segment& s) { return too_much || !s.data.empty(); };
        for (bool found = false; !found; ) {
            if (stream == 0) return;
            const Stream& all = streams_[--stream];
            index = static_cast<size_t>(std::find_if(all.begin(), all.end(), fits) - all.begin());
            found = index < all.size();
        }
        const uint64_t lost = streams_[stream][index].unacknowledged();
        counters_.dropped[stream] += lost;
        counters_.waiting -= lost;
        remove(stream, index);
    }
}

std::optional<Chunk> Spool::next(size_t bytes) {
    for (unsigned stream = 0; stream < kStreams; ++stream)
        for (Segment& s : streams_[stream]) {
            if (s.sent_bytes >= s.size) continue;
            Chunk chunk;
            chunk.epoch = s.epoch;
            chunk.stream = stream;
            uint64_t number = std::max(s.sent, s.first - 1);
            std::string head_bytes, body;
            RecordHead head{};
            while (s.sent_bytes < s.size && (chunk.count == 0 || chunk.alerts.size() < bytes) &&
                   chunk.count < remote::kMaxAlerts) {
                bool there = read_at(s, s.sent_bytes, sizeof head, head_bytes);
                if (there) std::memcpy(&head, head_bytes.data(), sizeof head);
                there = there && head.size <= kMaxRecord && read_at(s, s.sent_bytes + sizeof head, head.size, body);
                if (!there) {  // where the next record begins is not known: all that follow are lost
                    while (number < s.last) give_up(s, ++number);
                    s.sent_bytes = s.size;
                    break;
                }
                s.sent_bytes += sizeof head + head.size;
                ++number;
                if (check_of(body) != head.check) {  // somebody wrote into our file
                    give_up(s, number);
                    continue;
                }
                chunk.alerts += body;
                if (++chunk.count == 1) chunk.first = number;
                chunk.last = number;
            }
            if (chunk.count == 0) {
                s.sent = number;
                continue;
            }
            s.sent = number;
            return chunk;
        }
    return std::nullopt;
}

void Spool::abandon(const Chunk& chunk) {
    for (Segment& s : streams_[std::min(chunk.stream, kStreams - 1)])
        if (s.epoch == chunk.epoch)
            for (uint64_t n = std::max(s.first, chunk.first); n <= std::min(s.last, chunk.last); ++n) give_up(s, n);
}

void Spool::acknowledged(uint64_t epoch, uint32_t stream, uint64_t number) {
    if (stream >= kStreams) return;
    Stream& all = streams_[stream];
    for (size_t i = 0; i < all.size();) {
        Segment& s = all[i];
        const uint64_t upto = std::min(number, s.last);
        if (s.epoch == epoch && upto >= s.first && upto > s.acknowledged) {
            const uint64_t before = s.unacknowledged();
            s.acknowledged = upto;
            counters_.acknowledged += before - s.unacknowledged();
            counters_.waiting -= before - s.unacknowledged();
        }
        // The newest one stays: its keys tell a successor what was sent already.
        if (s.closed && s.unacknowledged() == 0 && i + 1 < all.size()) remove(stream, i);
        else ++i;
    }
}

void Spool::rewind() {
    for (Stream& stream : streams_)
        for (Segment& s : stream) {
            if (s.unacknowledged() == 0) continue;
            s.sent = 0;
            s.sent_bytes = 0;
        }
}

std::string choose_directory(const std::string& given, UniqueFd& lock) {
    std::vector<std::string> candidates;
    if (!given.empty()) candidates = {given};
    else candidates = {"/var/lib/undercoat/spool", "/run/undercoat/spool"};
    for (const std::string& base : candidates)
        for (int i = 1; i <= kMostDirectories; ++i) {  // several runs in one container have a directory each
            const std::string path = i == 1 ? base : base + "-" + std::to_string(i);
            std::error_code error;
            fs::create_directories(path, error);
            if (error) break;
            struct stat st {};
            // Only a directory of our own: in another's the content is another's, too.
            if (::lstat(path.c_str(), &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != ::geteuid()) break;
            ::chmod(path.c_str(), 0700);
            UniqueFd fd(::open((path + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
            if (!fd) break;
            struct flock whole {};
            whole.l_type = F_WRLCK;
            if (::fcntl(fd.get(), F_OFD_SETLK, &whole) != 0) continue;
            lock = std::move(fd);
            return path;
        }
    return "";
}

void adopt_siblings(const std::string& directory) {
    const size_t dash = directory.rfind('-');
    const bool numbered = dash != directory.npos && dash + 1 < directory.size() && directory.size() - dash <= 3 &&
                          directory.find_first_not_of("0123456789", dash + 1) == directory.npos;
    const std::string base = numbered ? directory.substr(0, dash) : directory;
    for (int i = 1; i <= kMostDirectories; ++i) {
        const std::string path = i == 1 ? base : base + "-" + std::to_string(i);
        struct stat st {};
        if (path == directory || ::lstat(path.c_str(), &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != ::geteuid()) continue;
        UniqueFd fd(::open((path + "/lock").c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
        struct flock whole {};
        whole.l_type = F_WRLCK;
        if (!fd || ::fcntl(fd.get(), F_OFD_SETLK, &whole) != 0) continue;
        std::error_code error;
        std::vector<fs::path> files;
        for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error))
            // A supervisor that was killed has a successor, which wants to find its own: it comes within moments.
            if (it->path().extension() == ".alerts" && ::lstat(it->path().c_str(), &st) == 0 && ::time(nullptr) - st.st_mtime > kSuccession)
                files.push_back(it->path());
        // Names hold the epoch, which no other run has; nothing is replaced all the same.
        for (const fs::path& file : files)
            ::renameat2(AT_FDCWD, file.c_str(), AT_FDCWD, (directory + "/" + file.filename().string()).c_str(), RENAME_NOREPLACE);
    }
}

}  // namespace undercoat::forward
