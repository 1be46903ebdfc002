// Searching all files, newest first, see sqlite_store.h.
#include "collector/store/sqlite_store.h"

#include <algorithm>

namespace undercoat::collector {
namespace {

bool in_time(const Search& s) { return std::chrono::steady_clock::now() <= s.deadline; }
bool outside(const Search& s, const PartitionFacts& f) {
    return f.rows == 0 || f.max_time < s.from_ns || f.min_time >= s.to_ns;
}

}  // namespace

template <class Use>
void SqliteStore::with_reader(const PartitionFacts& file, Use use) {
    std::unique_ptr<PartitionReader> reader;
    {
        std::lock_guard lock(mutex_);
        auto& free = readers_[file.number];
        if (!free.empty()) {
            reader = std::move(free.back());
            free.pop_back();
        }
    }
    const auto kept = [&] { return std::any_of(files_.begin(), files_.end(), [&](const auto& f) { return f.number == file.number; }); };
    try {
        if (!reader) reader = std::make_unique<PartitionReader>(file);
        use(*reader);
    } catch (const SqliteError&) {
        std::lock_guard lock(mutex_);
        if (kept()) throw;
        return;  // retention has deleted it meanwhile
    }
    std::lock_guard lock(mutex_);
    if (kept() && readers_[file.number].size() < 2) readers_[file.number].push_back(std::move(reader));
}

template <class OnAlert>
bool SqliteStore::scan(const Search& search, std::optional<AlertId>& reached, OnAlert on_alert) {
    bool go_on = true;
    for (const PartitionFacts& file : files()) {
        if (search.before && file.number > search.before->file) continue;
        if (outside(search, file)) continue;
        const int64_t before = search.before && search.before->file == file.number ? search.before->row : INT64_MAX;
        bool complete = true;
        int64_t row = before;
        with_reader(file, [&](PartitionReader& reader) {
            complete = reader.scan(search, before, row, [&](AlertRecord r) { return go_on = on_alert(std::move(r)); });
        });
        reached = AlertId{file.number, row};
        if (!complete || (!in_time(search) && go_on)) return false;
        if (!go_on) return true;
    }
    reached.reset();
    return true;
}

Result<Page> SqliteStore::search(const Search& search) {
    Page page;
    try {
        page.complete = scan(search, page.reached, [&](AlertRecord r) {
            page.alerts.push_back(std::move(r));
            return page.alerts.size() < search.limit;
        });
    } catch (const SqliteError& e) {
        return Error{std::string("The search failed: ") + e.what() + "."};
    }
    return page;
}

std::optional<AlertRecord> SqliteStore::find(const AlertId& id) {
    std::optional<AlertRecord> found;
    for (const PartitionFacts& file : files())
        if (file.number == id.file) with_reader(file, [&](PartitionReader& reader) { found = reader.find(id.row); });
    return found;
}

Result<Histogram> SqliteStore::histogram(const Search& search, int64_t step_ns) {
    Histogram h;
    for (int64_t at = search.from_ns; at < search.to_ns; at += step_ns) h.bars.push_back({at, {}});
    try {
        if (about_all(search)) {
            for (const PartitionFacts& file : files())
                if (h.complete && !outside(search, file))
                    with_reader(file, [&](PartitionReader& r) { h.complete = r.add_counts(search, step_ns, h.bars); });
            return h;
        }
        std::optional<AlertId> reached;
        h.complete = scan(search, reached, [&](const AlertRecord& r) {
            ++h.bars[static_cast<size_t>((r.time_ns - search.from_ns) / step_ns)].by_severity[r.severity & 7];
            return true;
        });
    } catch (const SqliteError& e) {
        return Error{std::string("The search failed: ") + e.what() + "."};
    }
    return h;
}

Result<Top> SqliteStore::top(const Search& search, const std::string& field, size_t count) {
    ValueCounts counts;
    bool complete = true;
    try {
        if (const auto what = counted(field); what && about_all(search)) {
            for (const PartitionFacts& file : files())
                if (complete && !outside(search, file))
                    with_reader(file, [&](PartitionReader& r) { complete = r.add_top(search, *what, counts); });
        } else {
            FieldReader reader(field);
            std::optional<AlertId> reached;
            complete = scan(search, reached, [&](const AlertRecord& r) {
                reader.read(r, [&](std::string value) { counts.add(std::move(value), 1); });
                return true;
            });
        }
    } catch (const SqliteError& e) {
        return Error{std::string("The search failed: ") + e.what() + "."};
    }
    Top top = counts.most_frequent(count);
    top.complete = complete;
    return top;
}

}  // namespace undercoat::collector
