// One part of the backbone on its way into the store, by a thread of its own.
//
// Must stay true: a message is acknowledged after the commit that holds it, and not before; while the store refuses, messages stay.
#pragma once

#include "collector/backbone.h"

#include <nats/nats.h>

namespace undercoat::collector {

inline constexpr const char* kIdentityHeader = "Undercoat-Identity";

// What all drains of a process count and tell. Thread-safe.
class DrainTally {
public:
    DrainTally(Writer::OnStored on_stored, Writer::Log log) : on_stored_(std::move(on_stored)), log_(std::move(log)) {}
    void stored(const std::vector<Incoming>& batches, Stored&& stored);
    void failed(const std::string& why);
    void foreign(const std::string& why);
    void unread(int part, const std::string& why);
    void readable(int part);  // or no more this process's
    Backbone::Counters counters() const;

private:
    const Writer::OnStored on_stored_;
    const Writer::Log log_;
    mutable std::mutex mutex_;
    Backbone::Counters counters_;
    bool failing_ = false;
    std::set<int> unreadable_;
};

class Drain {
public:
    Drain(jsCtx* context, std::string stream, int part, Committer& store, DrainTally& tally);
    ~Drain();  // what is not committed is left to others

private:
    struct Messages;
    void run();
    void pass_on(natsSubscription* from);
    void decode(Messages& messages);
    bool store(Messages& messages);
    bool wait(std::chrono::milliseconds time);  // false: it is the end

    jsCtx* const context_;
    const std::string stream_;
    const int part_;
    Committer& store_;
    DrainTally& tally_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stop_ = false;
    std::thread thread_;
};

}  // namespace undercoat::collector
