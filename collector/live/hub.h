// The live stream: new alerts to everybody who watches, each with a filter of his own.
//
// Must stay true: nobody who watches slows the store: what a watcher cannot take in time is left out and its number told to
// him. The work, compiling filters too, is done by a thread of its own. Whose session or key ends sees nothing more, a second later.
#pragma once

#include "collector/query/filter.h"
#include "net/server.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace undercoat::collector {

class LiveHub {
public:
    LiveHub();
    ~LiveHub();

    // From the writer's thread.
    void publish(std::shared_ptr<const std::vector<AlertRecord>> alerts);
    // The handler of one watcher's socket. Its messages: docs/collector.md. `may_watch` is asked every second by the hub's thread.
    std::unique_ptr<net::SocketHandler> watch(std::shared_ptr<net::Socket> socket, std::function<bool()> may_watch);

    uint64_t skipped() const { return skipped_; }
    size_t watchers() const;

private:
    struct Watcher;
    class Handler;
    using Watchers = std::vector<std::shared_ptr<Watcher>>;
    void run();
    bool work_waits() const { return stop_ || !queue_.empty() || !asking_.empty(); }  // with mutex_ held
    void end_those_who_may_not(const Watchers& watchers);
    void show(Watcher& watcher, const std::vector<AlertRecord>& alerts);

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::shared_ptr<const std::vector<AlertRecord>>> queue_;
    size_t queued_ = 0;  // bytes
    Watchers watchers_;
    Watchers asking_;    // who want something else than before; each once
    std::atomic<uint64_t> skipped_{0};
    bool stop_ = false;
    std::thread thread_;
};

}  // namespace undercoat::collector
