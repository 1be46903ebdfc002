// The thread that stores: takes batches from all connections and commits many of them at once.
//
// Must stay true: a batch is answered only after its commit; while the store refuses (a full disk, for one) batches wait and
// are tried again; what waits is bounded by the callers, who stop reading when submit() says so.
#pragma once

#include "collector/store/store.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace undercoat::collector {

class Writer {
public:
    // Called by the writer's thread after each commit with what was committed and what came of it.
    using OnStored = std::function<void(const std::vector<Incoming>&, Stored&&)>;
    using Log = std::function<void(const std::string&)>;
    struct Counters {
        uint64_t alerts = 0, duplicates = 0, commits = 0, failures = 0;
        int64_t missing = 0;
    };

    // housekeeping: called by the writer's thread every few seconds, and at the end.
    Writer(Committer& store, OnStored on_stored, std::function<void()> housekeeping, Log log);
    ~Writer();  // stores what waits, if the store takes it at once

    // done() is called by the writer's thread once the batch is stored, or never. False: the caller is to wait until
    // go_on(), called once by the writer's thread, before it brings more.
    bool submit(Incoming incoming, std::function<void()> done, std::function<void()> go_on);
    Counters counters() const;
    size_t waiting() const;
    bool healthy() const { return !failing_; }

private:
    struct Item {
        Incoming incoming;
        std::function<void()> done;
    };
    void run();
    bool commit(std::vector<Item>& items);
    void keep_house();

    static constexpr size_t kHigh = 20'000, kLow = 10'000;  // alerts
    static constexpr size_t kAtOnce = 10'000;

    Committer& store_;
    const OnStored on_stored_;
    const std::function<void()> housekeeping_;
    const Log log_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Item> queue_;
    size_t waiting_ = 0;  // alerts
    std::vector<std::function<void()>> held_up_;
    Counters counters_;
    bool stop_ = false;
    std::atomic<bool> failing_{false};
    std::chrono::steady_clock::time_point next_tidy_{};
    std::thread thread_;
};

}  // namespace undercoat::collector
