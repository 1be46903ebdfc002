// The thread that stores: takes batches from all connections and commits many of them at once.
//
// Must stay true: a batch is answered only after its commit; while the store refuses (a full disk, for one) batches wait and
// are tried again; what waits is bounded in bytes: callers stop reading when submit() says so and bring nothing when full() does.
#pragma once

#include "collector/store/store.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace undercoat::collector {

size_t memory_of(const Incoming& incoming);  // bytes, about

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
    size_t waiting() const;        // alerts
    size_t waiting_bytes() const;
    // Far more waits than is asked of those who obey go_on(): many connections brought something at the same time.
    bool full() const { return waiting_bytes() > kMost; }
    bool healthy() const { return !failing_; }

private:
    struct Item {
        Incoming incoming;
        std::function<void()> done;
        size_t bytes = 0;
    };
    void run();
    void take(std::vector<Item>& items);  // with the lock held
    bool commit(std::vector<Item>& items);
    Result<Stored> store(const std::vector<Incoming>& batches);
    void keep_house();

    static constexpr size_t kHigh = 32 << 20, kLow = 16 << 20, kMost = 128 << 20;  // bytes, as memory_of() counts them
    static constexpr size_t kAtOnce = 8 << 20;

    Committer& store_;
    const OnStored on_stored_;
    const std::function<void()> housekeeping_;
    const Log log_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Item> queue_;
    size_t waiting_ = 0, waiting_bytes_ = 0;
    std::vector<std::function<void()>> held_up_;
    Counters counters_;
    bool stop_ = false;
    std::atomic<bool> failing_{false};
    std::chrono::steady_clock::time_point next_tidy_{};
    std::thread thread_;
};

}  // namespace undercoat::collector
