// Where alerts are kept, and how they are found again. One interface for every kind of store.
//
// Must stay true: commit() stores all it was given or nothing; an alert whose number its stream has passed already is a
// duplicate and is not stored again, also after a restart. commit() and tidy() belong to one thread; the others may be called
// by any.
#pragma once

#include "base/result.h"
#include "collector/query/filter.h"
#include "collector/record.h"
#include "wire/remote/messages.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace undercoat::collector {

struct Incoming {
    std::string agent;
    uint64_t epoch = 0;
    uint32_t stream = 0;
    bool numbered = true;  // false: from outside; each is stored
    std::vector<remote::Alert> alerts;
    std::string frame;     // as the agent sent it; filled for who passes it on
    std::string identity = {};  // of a batch without numbers: stores that several share keep each identity once; empty: none
};

struct Stored {
    std::vector<AlertRecord> alerts;  // new ones, with their ids
    uint64_t duplicates = 0;
    struct PerIncoming {
        uint64_t stored = 0;
        int64_t missing = 0;  // numbers that were passed over; below 0: numbers of which that was said came after all
    };
    std::vector<PerIncoming> each;    // as given
};

struct Search {
    std::shared_ptr<const Filter> filter;  // null: any
    std::string words;                     // all must occur; "begin*" stands for words that begin so
    std::optional<unsigned> least_severity;  // 4: warnings and what is worse
    int64_t from_ns = INT64_MIN, to_ns = INT64_MAX;  // of the event, the end not included
    std::optional<AlertId> before;         // older than this one
    size_t limit = 100;
    std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
};

struct Page {
    std::vector<AlertRecord> alerts;  // newest first
    bool complete = true;             // false: the time was over; go on before `reached`
    std::optional<AlertId> reached;   // where the next page begins; none: nothing is older
};

struct HistogramBar {
    int64_t start_ns = 0;
    uint64_t by_severity[8] = {};
};
struct Histogram {
    std::vector<HistogramBar> bars;
    bool complete = true;
};
struct Top {
    std::vector<std::pair<std::string, uint64_t>> values;  // most frequent first
    uint64_t others = 0;      // alerts with other values
    bool complete = true;
};

struct StoreState {
    uint64_t alerts = 0, bytes = 0, files = 0;
    int64_t oldest_ns = 0;  // 0: empty
    uint64_t refused = 0;   // alerts that a database would never take, since the start; not stored
    std::string trouble;    // why the last commit failed; empty: it did not
};

// Whatever takes alerts so that a kill cannot take them away again.
class Committer {
public:
    virtual ~Committer() = default;
    // All or nothing. Error: a sentence; the same is brought again later.
    virtual Result<Stored> commit(const std::vector<Incoming>& incoming) = 0;
    virtual void tidy() = 0;  // every few seconds
};

class Store : public Committer {
public:
    virtual Result<Page> search(const Search& search) = 0;
    virtual std::optional<AlertRecord> find(const AlertId& id) = 0;
    // Bars of `step_ns` from from_ns on; a whole number of minutes. search.limit means nothing.
    virtual Result<Histogram> histogram(const Search& search, int64_t step_ns) = 0;
    // Of a field as conditions name it.
    virtual Result<Top> top(const Search& search, const std::string& field, size_t count) = 0;
    virtual StoreState state() const = 0;
};

}  // namespace undercoat::collector
