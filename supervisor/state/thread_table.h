// The threads by number, with the bounds that keep a hostile process from growing it.
//
// Must stay true: a thread's main_ points to the entry of its pid, which is made with the first thread of a process; an
// entry handed out stays valid until it is removed; when the table is full the entry longest unseen gives way, dead ones first.
#pragma once

#include "supervisor/state/state.h"

#include <deque>
#include <unordered_map>

namespace undercoat::state {

class ThreadTable {
public:
    ThreadTable(const Limits& limits, Counters& counters) : limits_(limits), counters_(counters) {}

    Thread* find(int64_t tid);
    const Thread* find(int64_t tid) const;
    // Adds or replaces. Threads whose main thread is missing get one made of the seed.
    Thread& add(const Thread& seed);
    // A main thread takes its other threads with it.
    void remove(int64_t tid);
    // All threads of the process but the main one.
    void remove_other_threads(Thread& main);
    // Ends of single threads are not told. Whether a process has so many that it is time to ask which there still are; the others are
    // forgotten by keep_threads().
    bool crowded(const Thread& main) const;
    void keep_threads(Thread& main, std::vector<int64_t> living);
    FdInfo* set_fd(Thread& t, int64_t number, const FdInfo& info);
    FdInfo* fd(Thread& t, int64_t number);
    void remove_fd(Thread& t, int64_t number);
    void remove_cloexec(Thread& t);
    void copy_fds(const Thread& from, Thread& to);
    void adopt(Thread& child, int64_t new_parent);
    const std::vector<int64_t>& children(const Thread& t) const { return t.main().children_; }
    // The process ended: kept for a while for events that come late. Call forget() now and then.
    void mark_dead(Thread& main, uint64_t now);
    void forget(uint64_t now);
    void seen(Thread& t) { t.last_seen_ = ++clock_; }
    size_t size() const { return threads_.size(); }
    void each(const std::function<void(const Thread&)>& f) const;

private:
    void make_room();
    void unlink_child(int64_t parent, int64_t child);

    const Limits& limits_;
    Counters& counters_;
    std::unordered_map<int64_t, std::unique_ptr<Thread>> threads_;
    std::deque<std::pair<uint64_t, int64_t>> dead_;  // when, pid
    std::unordered_map<int64_t, size_t> crowds_;     // by pid: number of threads at which to ask again
    uint64_t clock_ = 0;
    size_t fds_ = 0;
};

}  // namespace undercoat::state
