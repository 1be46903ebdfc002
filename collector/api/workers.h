// Threads that answer what takes longer than the server's own thread may: searches, passwords.
//
// Must stay true: the queue is bounded; what does not fit is refused at once.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace undercoat::collector {

class Workers {
public:
    Workers(unsigned threads, size_t most) : most_(most) {
        for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
    }
    ~Workers();
    // False: too much waits.
    bool post(std::function<void()> job);

private:
    void run();
    const size_t most_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> jobs_;
    bool stop_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace undercoat::collector
