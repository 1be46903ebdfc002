// Adding, removing and bounding of threads and descriptors.
#include "supervisor/state/thread_table.h"

#include "supervisor/event/flags.h"

#include <algorithm>

namespace undercoat::state {
namespace {

// Events of ended processes may come late. How long those are kept (ns), and how many where they end by the hundred a second.
constexpr uint64_t kDeadKept = 5'000'000'000;
constexpr size_t kMostDead = 1024;
constexpr size_t kMostChildren = 65536;

}  // namespace

Thread* ThreadTable::find(int64_t tid) {
    const auto it = threads_.find(tid);
    return it == threads_.end() ? nullptr : it->second.get();
}

const Thread* ThreadTable::find(int64_t tid) const { return const_cast<ThreadTable*>(this)->find(tid); }

Thread& ThreadTable::add(const Thread& seed) {
    if (find(seed.tid) != nullptr) remove(seed.tid);
    make_room();  // before the main thread is looked for: it may be what gives way
    // The process's number may be known as that of another process's thread: one of both is a lie, the later counts.
    const Thread* process = seed.tid != seed.pid ? find(seed.pid) : nullptr;
    if (seed.tid != seed.pid && (process == nullptr || !process->is_main())) {
        Thread main = seed;
        main.tid = seed.pid;
        add(main);
    }
    auto owned = std::make_unique<Thread>(seed);
    Thread& t = *owned;
    threads_[seed.tid] = std::move(owned);
    t.nthreads = 1;
    seen(t);
    if (t.is_main()) {
        t.main_ = &t;
        adopt(t, t.ppid);
    } else {
        t.main_ = find(t.pid);
        ++t.main_->nthreads;
    }
    return t;
}

void ThreadTable::adopt(Thread& child, int64_t new_parent) {
    unlink_child(child.ppid, child.pid);
    child.ppid = new_parent;
    Thread* parent = find(new_parent);
    if (parent == nullptr) return;
    Thread& main = parent->main();
    if (main.pid == child.pid || main.children_.size() >= kMostChildren) return;
    main.children_.push_back(child.pid);
}

void ThreadTable::unlink_child(int64_t parent, int64_t child) {
    Thread* p = find(parent);
    if (p == nullptr) return;
    Thread& main = p->main();
    const auto it = std::find(main.children_.begin(), main.children_.end(), child);
    if (it == main.children_.end()) return;
    main.children_.erase(it);
}

void ThreadTable::remove_other_threads(Thread& main) {
    if (main.nthreads <= 1) return;
    for (auto it = threads_.begin(); it != threads_.end();) {
        const bool other = it->second->main_ == &main && it->second.get() != &main;
        it = other ? threads_.erase(it) : std::next(it);
    }
    main.nthreads = 1;
}

bool ThreadTable::crowded(const Thread& main) const {
    constexpr size_t kMany = 256;
    const auto it = crowds_.find(main.pid);
    return main.nthreads >= (it == crowds_.end() ? kMany : it->second);
}

void ThreadTable::keep_threads(Thread& main, std::vector<int64_t> living) {
    std::sort(living.begin(), living.end());
    uint32_t left = 1;
    for (auto it = threads_.begin(); it != threads_.end();) {
        const Thread& t = *it->second;
        const bool other = t.main_ == &main && &t != &main;
        const bool ended = other && !std::binary_search(living.begin(), living.end(), t.tid);
        left += other && !ended;
        it = ended ? threads_.erase(it) : std::next(it);
    }
    main.nthreads = left;
    crowds_[main.pid] = 2 * size_t{left} + 128;
}

void ThreadTable::remove(int64_t tid) {
    const auto it = threads_.find(tid);
    if (it == threads_.end()) return;
    Thread& t = *it->second;
    if (t.is_main()) {
        remove_other_threads(t);
        crowds_.erase(t.pid);
        fds_ -= t.fds_.size();
        unlink_child(t.ppid, t.pid);
    } else if (t.main_->nthreads > 1) {
        --t.main_->nthreads;
    }
    threads_.erase(tid);
}

// Threads before processes, dead before living, longest unseen first; a tenth at once, so that the scan pays.
void ThreadTable::make_room() {
    if (threads_.size() < limits_.threads) return;
    std::vector<std::pair<uint64_t, int64_t>> order;
    for (const auto& [tid, t] : threads_) {
        const uint64_t rank = t->dead ? 0 : t->children_.empty() ? 1 : 2;
        order.emplace_back(rank << 62 | t->last_seen_, tid);
    }
    const size_t n = std::max<size_t>(1, limits_.threads / 10);
    const auto middle = order.begin() + static_cast<std::ptrdiff_t>(std::min(n, order.size()));
    std::partial_sort(order.begin(), middle, order.end());
    for (auto i = order.begin(); i != middle; ++i) {
        remove(i->second);
        ++counters_.purged_threads;
    }
}

FdInfo* ThreadTable::fd(Thread& t, int64_t number) {
    const auto it = t.main().fds_.find(number);
    return it == t.main().fds_.end() ? nullptr : &it->second;
}

FdInfo* ThreadTable::set_fd(Thread& t, int64_t number, const FdInfo& info) {
    auto& fds = t.main().fds_;
    const auto it = fds.find(number);
    if (it != fds.end()) {
        it->second = info;
        return &it->second;
    }
    if (number < 0 || fds.size() >= limits_.fds_per_process || fds_ >= limits_.fds) {
        ++counters_.refused_fds;
        return nullptr;
    }
    ++fds_;
    return &fds.emplace(number, info).first->second;
}

void ThreadTable::remove_fd(Thread& t, int64_t number) { fds_ -= t.main().fds_.erase(number); }

void ThreadTable::remove_cloexec(Thread& t) {
    fds_ -= std::erase_if(t.main().fds_, [](const auto& f) { return f.second.open_flags & event::kPpmOCloexec; });
}

void ThreadTable::copy_fds(const Thread& from, Thread& to) {
    if (&from.main() == &to.main()) return;
    fds_ -= to.main().fds_.size();
    to.main().fds_.clear();
    if (fds_ + from.main().fds_.size() > limits_.fds) {
        ++counters_.refused_fds;
        return;
    }
    to.main().fds_.become(from.main().fds_);
    fds_ += to.main().fds_.size();
}

void ThreadTable::mark_dead(Thread& main, uint64_t now) {
    if (main.dead) return;
    main.dead = true;
    dead_.emplace_back(now, main.pid);
}

void ThreadTable::forget(uint64_t now) {
    while (!dead_.empty() && (dead_.front().first + kDeadKept < now || dead_.size() > kMostDead)) {
        const Thread* t = find(dead_.front().second);
        // The number may have been given to a new process meanwhile.
        if (t != nullptr && t->dead) remove(dead_.front().second);
        dead_.pop_front();
    }
}

void ThreadTable::each(const std::function<void(const Thread&)>& f) const {
    for (const auto& [tid, t] : threads_) f(*t);
}

}  // namespace undercoat::state
