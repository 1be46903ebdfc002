// The queue's thread, see channel.h.
#include "supervisor/outputs/channel.h"

#include <algorithm>
#include <csignal>
#include <utility>

namespace undercoat::outputs {

ChannelQueue::ChannelQueue(std::string name, std::unique_ptr<Channel> channel, Limits limits, Warn warn)
    : name_(std::move(name)), channel_(std::move(channel)), limits_(limits), warn_(std::move(warn)) {
    thread_ = std::thread([this] { run(); });
}

ChannelQueue::~ChannelQueue() {
    {
        std::lock_guard lock(mutex_);
        stop_ = true;
        end_ = std::chrono::steady_clock::now() + limits_.linger;
    }
    changed_.notify_all();
    thread_.join();
    if (!waiting_.empty())
        warn_("output " + name_ + ": " + std::to_string(waiting_.size()) + " alerts could not be delivered");
}

bool ChannelQueue::push(std::shared_ptr<const Message> message) {
    std::unique_lock lock(mutex_);
    if (waiting_.size() >= limits_.capacity) {
        ++counters_.dropped;
        const bool said = std::exchange(full_, true);
        lock.unlock();
        if (!said) warn_("output " + name_ + " is too slow: its queue is full, alerts are dropped and counted");
        return false;
    }
    waiting_.push_back(std::move(message));
    lock.unlock();
    changed_.notify_one();
    return true;
}

void ChannelQueue::reopen() {
    std::lock_guard lock(mutex_);
    reopen_ = true;
    changed_.notify_all();
}

ChannelQueue::Counters ChannelQueue::counters() const {
    std::lock_guard lock(mutex_);
    Counters c = counters_;
    c.waiting = waiting_.size();
    return c;
}

// Precondition: the lock is held.
void ChannelQueue::settle(const Delivery& delivery) {
    if (delivery.outcome == Delivery::Outcome::refused) ++counters_.refused;
    if (delivery.outcome == Delivery::Outcome::taken) ++counters_.delivered;
    waiting_.pop_front();
    if (waiting_.size() < limits_.capacity / 2) full_ = false;
}

bool ChannelQueue::pause(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds length) {
    const auto until = std::chrono::steady_clock::now() + length;
    const bool ending = stop_;  // the wish to end breaks a pause off, but not those after it
    changed_.wait_until(lock, until, [&] { return reopen_ || stop_ != ending; });
    return !stop_ || std::chrono::steady_clock::now() < end_;
}

void ChannelQueue::run() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    auto length = limits_.first_pause;
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return stop_ || reopen_ || !waiting_.empty(); });
        if (std::exchange(reopen_, false)) channel_->reopen();
        if (waiting_.empty()) {
            if (stop_) return;
            continue;
        }
        const auto message = waiting_.front();
        lock.unlock();
        const Delivery delivery = channel_->deliver(*message);
        lock.lock();
        if (delivery.outcome != Delivery::Outcome::again) {
            const bool recovered = delivery.outcome == Delivery::Outcome::taken && std::exchange(failing_, false);
            settle(delivery);
            length = limits_.first_pause;
            if (recovered) warn_("output " + name_ + " works again");
            if (!delivery.error.empty() && !std::exchange(failing_, true))
                warn_("output " + name_ + " refuses alerts: " + delivery.error);
            continue;
        }
        ++counters_.errors;
        if (!std::exchange(failing_, true)) warn_("output " + name_ + ": " + delivery.error + "; it is tried again");
        if (stop_ && std::chrono::steady_clock::now() >= end_) break;
        if (!pause(lock, stop_ ? limits_.first_pause : length)) break;
        length = std::min(length * 2, limits_.longest_pause);
    }
    counters_.dropped += waiting_.size();
}

}  // namespace undercoat::outputs
