// One file of alerts. The store keeps several and writes into the newest; the oldest are deleted whole.
//
// Must stay true: alerts, their index, their counts and the numbers up to which each stream came are changed in one
// transaction. A PartitionWriter belongs to one thread, a PartitionReader to one at a time.
#pragma once

#include "collector/store/counting.h"
#include "collector/store/incoming.h"
#include "collector/store/sqlite.h"

namespace undercoat::collector {

// What is known of a file without asking it.
struct PartitionFacts {
    uint32_t number = 0;
    std::string path;
    int64_t rows = 0;
    int64_t min_time = INT64_MAX, max_time = INT64_MIN;          // of events
    int64_t first_received = INT64_MAX, last_received = INT64_MIN;
};

class PartitionWriter {
public:
    // Creates the file if it is not there; a new one holds `progress` from the moment that it is one.
    PartitionWriter(uint32_t number, const std::string& path, const Progress& progress = {});

    PartitionFacts& facts() { return facts_; }
    Progress read_progress();
    // Ids are put into `records`; `progress` holds the streams that changed.
    void write(std::vector<AlertRecord>& records, const Progress& progress);

private:
    void create(const Progress& progress);
    void prepare();
    void keep(const Progress& progress);
    void insert(AlertRecord& record);
    void count(const std::vector<AlertRecord>& records);

    Database db_;
    PartitionFacts facts_;
    std::optional<Statement> alert_, words_, count_, tag_, minute_, progress_;
};

class PartitionReader {
public:
    explicit PartitionReader(const PartitionFacts& facts);

    // Calls on_alert for the alerts that fit, newest first, until it returns false (then true is returned) or the deadline
    // passes (then false, and `reached` is the last row that was looked at).
    template <class OnAlert>
    bool scan(const Search& search, int64_t before_row, int64_t& reached, OnAlert on_alert);
    std::optional<AlertRecord> find(int64_t row);
    // Adds to the bars; only from counts, so that search may have neither filter nor words. False: the deadline has passed.
    bool add_counts(const Search& search, int64_t step_ns, std::vector<HistogramBar>& bars);
    // The same for values.
    bool add_top(const Search& search, Counted what, ValueCounts& values);

    uint32_t number() const { return number_; }

private:
    // Runs `use`, which returns a bool; false also where the deadline passed while it read.
    template <class Use>
    bool until_deadline(const Search& search, Use use);
    Statement select(const Search& search, int64_t before_row, std::string& match);
    AlertRecord read(Statement& row) const;

    uint32_t number_;
    Database db_;
};

// search.words as FTS5 takes it; empty: there are none.
std::string words_expression(std::string_view words);

template <class OnAlert>
bool PartitionReader::scan(const Search& search, int64_t before_row, int64_t& reached, OnAlert on_alert) {
    std::optional<FilterRun> filter;
    if (search.filter) filter.emplace(search.filter);
    reached = before_row;
    return until_deadline(search, [&] {
        std::string match;
        Statement rows = select(search, before_row, match);
        while (rows.step()) {
            reached = rows.number(0);
            const int64_t time = rows.number(1);
            if (time < search.from_ns || time >= search.to_ns) continue;
            if (search.least_severity && rows.number(3) > static_cast<int64_t>(*search.least_severity)) continue;
            AlertRecord record = read(rows);
            if (filter && !filter->matches(record)) {
                if (std::chrono::steady_clock::now() <= search.deadline) continue;
                return false;
            }
            if (!on_alert(std::move(record))) break;
        }
        return true;
    });
}

template <class Use>
bool PartitionReader::until_deadline(const Search& search, Use use) {
    auto deadline = search.deadline;
    db_.set_progress([](void* end) -> int {
        return std::chrono::steady_clock::now() > *static_cast<std::chrono::steady_clock::time_point*>(end);
    }, &deadline);
    bool in_time = false;
    try {
        in_time = use();
    } catch (const SqliteError& e) {
        if (std::chrono::steady_clock::now() <= search.deadline) throw;
        // interrupted
    }
    db_.set_progress(nullptr, nullptr);
    return in_time;
}

}  // namespace undercoat::collector
