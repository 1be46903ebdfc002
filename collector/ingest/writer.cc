// See writer.h.
#include "collector/ingest/writer.h"

#include <csignal>

namespace undercoat::collector {

Writer::Writer(Committer& store, OnStored on_stored, std::function<void()> housekeeping, Log log)
    : store_(store), on_stored_(std::move(on_stored)), housekeeping_(std::move(housekeeping)), log_(std::move(log)) {
    thread_ = std::thread([this] { run(); });
}

Writer::~Writer() {
    {
        std::lock_guard lock(mutex_);
        stop_ = true;
    }
    changed_.notify_all();
    thread_.join();
    housekeeping_();
}

bool Writer::submit(Incoming incoming, std::function<void()> done, std::function<void()> go_on) {
    std::lock_guard lock(mutex_);
    waiting_ += incoming.alerts.size() + 1;
    queue_.push_back({std::move(incoming), std::move(done)});
    changed_.notify_one();
    if (waiting_ < kHigh || !go_on) return true;
    held_up_.push_back(std::move(go_on));
    return false;
}

size_t Writer::waiting() const {
    std::lock_guard lock(mutex_);
    return waiting_;
}

Writer::Counters Writer::counters() const {
    std::lock_guard lock(mutex_);
    return counters_;
}

bool Writer::commit(std::vector<Item>& items) {
    std::vector<Incoming> batches;
    batches.reserve(items.size());
    for (Item& i : items) batches.push_back(std::move(i.incoming));
    auto stored = store_.commit(batches);
    if (!stored) {
        for (size_t i = 0; i < items.size(); ++i) items[i].incoming = std::move(batches[i]);
        if (!failing_.exchange(true)) log_(stored.error() + " It is tried again; agents keep their alerts meanwhile.");
        std::lock_guard lock(mutex_);
        ++counters_.failures;
        return false;
    }
    if (failing_.exchange(false)) log_("Alerts are stored again.");
    for (Item& i : items)
        if (i.done) i.done();
    {
        std::lock_guard lock(mutex_);
        ++counters_.commits;
        counters_.duplicates += stored->duplicates;
        for (const Stored::PerIncoming& e : stored->each) counters_.alerts += e.stored, counters_.missing += e.missing;
    }
    on_stored_(batches, std::move(*stored));
    return true;
}

void Writer::keep_house() {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_tidy_) return;
    next_tidy_ = now + std::chrono::seconds(5);
    store_.tidy();
    housekeeping_();
}

void Writer::run() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    std::vector<Item> items;
    std::unique_lock lock(mutex_);
    for (;;) {
        if (items.empty()) {
            changed_.wait_for(lock, std::chrono::seconds(1), [this] { return stop_ || !queue_.empty(); });
            for (size_t n = 0; !queue_.empty() && n < kAtOnce; queue_.pop_front()) {
                n += queue_.front().incoming.alerts.size() + 1;
                items.push_back(std::move(queue_.front()));
            }
        }
        if (items.empty() && stop_) return;
        lock.unlock();
        size_t count = 0;
        for (const Item& i : items) count += i.incoming.alerts.size() + 1;
        const bool done = items.empty() || commit(items);
        if (done) items.clear();
        keep_house();
        lock.lock();
        if (!done) {
            if (stop_) return;
            changed_.wait_for(lock, std::chrono::seconds(1), [this] { return stop_; });
            continue;
        }
        waiting_ -= count;
        if (waiting_ > kLow || held_up_.empty()) continue;
        auto held_up = std::exchange(held_up_, {});
        lock.unlock();
        for (auto& go_on : held_up) go_on();
        lock.lock();
    }
}

}  // namespace undercoat::collector
