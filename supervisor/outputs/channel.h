// A place where alerts go beside the main one, and the queue before it.
//
// Each channel has a thread of its own, so that none holds up another or the drain of the rings. Must stay true: a
// channel gets its alerts in order, each again until it took it or refused it for good; what does not fit into the
// queue, is refused, or is left at the end is counted. The queue is memory: what waits in it dies with the process.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace undercoat::outputs {

// An alert in the forms that channels need; lines end in "\n".
struct Message {
    uint64_t ts = 0;      // ns since the epoch
    unsigned severity = 7;  // as syslog counts: 0 emergency … 7 debug
    std::string line;     // one of the next two, as the format setting says
    std::string text, json;
};

struct Delivery {
    enum class Outcome : uint8_t { taken, again, refused } outcome = Outcome::taken;
    std::string error;    // why not
    static Delivery taken() { return {}; }
    static Delivery again(std::string why) { return {Outcome::again, std::move(why)}; }
    static Delivery refused(std::string why) { return {Outcome::refused, std::move(why)}; }
};

class Channel {
public:
    virtual ~Channel() = default;
    // Called by the queue's thread; must come back within seconds.
    virtual Delivery deliver(const Message& message) = 0;
    // Drops what is open, so that the next delivery opens it anew. Called by the queue's thread.
    virtual void reopen() {}
};

class ChannelQueue {
public:
    using Warn = std::function<void(const std::string&)>;
    struct Counters {
        uint64_t delivered = 0, refused = 0, dropped = 0, errors = 0;
        size_t waiting = 0;
    };
    struct Limits {
        size_t capacity = 1000;
        std::chrono::milliseconds first_pause{100}, longest_pause{5000};  // after an error
        std::chrono::milliseconds linger{2000};                           // at the end
    };

    ChannelQueue(std::string name, std::unique_ptr<Channel> channel, Limits limits, Warn warn);
    // Delivers what waits, at most for `linger`; what is left is counted as dropped and said.
    ~ChannelQueue();
    ChannelQueue(const ChannelQueue&) = delete;
    ChannelQueue& operator=(const ChannelQueue&) = delete;

    // False: the queue is full; the alert is dropped and counted.
    bool push(std::shared_ptr<const Message> message);
    void reopen();
    const std::string& name() const { return name_; }
    Counters counters() const;

private:
    void run();
    // Waits before trying again. False: it is time to end.
    bool pause(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds length);
    void settle(const Delivery& delivery);

    const std::string name_;
    const std::unique_ptr<Channel> channel_;
    const Limits limits_;
    const Warn warn_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::shared_ptr<const Message>> waiting_;
    Counters counters_;
    bool full_ = false, failing_ = false, stop_ = false, reopen_ = false;
    std::chrono::steady_clock::time_point end_;
    std::thread thread_;
};

}  // namespace undercoat::outputs
