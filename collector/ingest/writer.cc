// See writer.h.
#include "collector/ingest/writer.h"

#include "collector/store/progress.h"

#include <csignal>

namespace undercoat::collector {

size_t memory_of(const Incoming& in) {
    size_t bytes = sizeof in + in.agent.size() + in.frame.size();
    for (const remote::Alert& a : in.alerts) {
        bytes += sizeof a + a.rule.size() + a.source.size() + a.hostname.size() + a.message.size() + a.fields.size() + a.context.size();
        for (const std::string& tag : a.tags) bytes += sizeof tag + tag.size();
    }
    return bytes;
}

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
    next_tidy_ = {};
    keep_house();
}

bool Writer::submit(Incoming incoming, std::function<void()> done, std::function<void()> go_on) {
    const size_t bytes = memory_of(incoming);
    std::lock_guard lock(mutex_);
    waiting_ += incoming.alerts.size();
    waiting_bytes_ += bytes;
    queue_.push_back({std::move(incoming), std::move(done), bytes});
    changed_.notify_one();
    if (waiting_bytes_ < kHigh || !go_on) return true;
    held_up_.push_back(std::move(go_on));
    return false;
}

size_t Writer::waiting() const {
    std::lock_guard lock(mutex_);
    return waiting_;
}

size_t Writer::waiting_bytes() const {
    std::lock_guard lock(mutex_);
    return waiting_bytes_;
}

Writer::Counters Writer::counters() const {
    std::lock_guard lock(mutex_);
    return counters_;
}

// Whatever the store throws is a refusal: this thread must go on.
Result<Stored> Writer::store(const std::vector<Incoming>& batches) try {
    return store_.commit(batches);
} catch (const std::exception& e) {
    return Error{std::string("The alerts cannot be stored: ") + e.what() + "."};
}

bool Writer::commit(std::vector<Item>& items) {
    std::vector<Incoming> batches;
    batches.reserve(items.size());
    for (Item& i : items) batches.push_back(std::move(i.incoming));
    auto stored = store(batches);
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
        for (const Stored::PerIncoming& e : stored->each) counters_.alerts += e.stored, counters_.missing = saturating_add(counters_.missing, e.missing);
    }
    on_stored_(batches, std::move(*stored));
    return true;
}

void Writer::keep_house() {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_tidy_) return;
    next_tidy_ = now + std::chrono::seconds(5);
    try {
        store_.tidy();
        housekeeping_();
    } catch (const std::exception& e) {
        log_(std::string("The store could not be tidied: ") + e.what() + ". It is tried again.");
    }
}

void Writer::take(std::vector<Item>& items) {
    for (size_t bytes = 0; !queue_.empty() && bytes < kAtOnce; queue_.pop_front()) {
        bytes += queue_.front().bytes;
        items.push_back(std::move(queue_.front()));
    }
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
            take(items);
        }
        if (items.empty() && stop_) return;
        lock.unlock();
        size_t count = 0, bytes = 0;
        for (const Item& i : items) count += i.incoming.alerts.size(), bytes += i.bytes;
        const bool done = items.empty() || commit(items);
        if (done) items.clear();
        keep_house();
        lock.lock();
        if (!done) {
            if (stop_) return;
            changed_.wait_for(lock, std::chrono::seconds(1), [this] { return stop_; });
            continue;
        }
        waiting_ -= count, waiting_bytes_ -= bytes;
        if (waiting_bytes_ > kLow || held_up_.empty()) continue;
        auto held_up = std::exchange(held_up_, {});
        lock.unlock();
        for (auto& go_on : held_up) go_on();
        lock.lock();
    }
}

}  // namespace undercoat::collector
