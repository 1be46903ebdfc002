// See process_table.h. The arrays are anonymous mappings touched as used; free lists are last-in-first-out, so the memory
// in use is that of the largest number of live processes.
#include "supervisor/instrument/process_table.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "supervisor/instrument/target.h"

namespace undercoat::instrument {
namespace {

template <class T>
T* reserve(size_t n) {
    void* p = mmap(nullptr, n * sizeof(T), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) throw std::bad_alloc();
    return static_cast<T*>(p);
}

uint32_t hash(pid_t pid) { return static_cast<uint32_t>(pid) * 2654435761u; }

}  // namespace

ProcessTable::ProcessTable()
    : entries_(reserve<Process>(kMaxProcesses)), execs_(reserve<PendingExec>(kMaxPendingExecs)),
      execs_next_(reserve<uint32_t>(kMaxPendingExecs)), threads_(reserve<uint64_t>(kThreads)) {
    buckets_.first = reserve<uint32_t>(kBuckets);
    newborns_.reserve(kMaxProcesses);
    taken_newborns_.reserve(kMaxProcesses);
    memset(buckets_.first, 0xff, kBuckets * sizeof(uint32_t));
}

Process* ProcessTable::find(pid_t pid) {
    for (uint32_t i = buckets_.first[hash(pid) % kBuckets]; i != kNoIndex; i = entries_[i].next)
        if (entries_[i].pid == pid) return &entries_[i];
    return nullptr;
}

Process* ProcessTable::insert(pid_t pid) {
    uint32_t i = free_;
    if (i != kNoIndex) free_ = entries_[i].next;
    else if (used_ < kMaxProcesses) i = used_++;
    else return nullptr;
    uint32_t& head = buckets_.first[hash(pid) % kBuckets];
    Process* p = new (&entries_[i]) Process;
    p->pid = pid;
    p->next = head;
    head = i;
    ++live_;
    return p;
}

void ProcessTable::erase(pid_t pid) {
    for (uint32_t* link = &buckets_.first[hash(pid) % kBuckets]; *link != kNoIndex; link = &entries_[*link].next) {
        Process& p = entries_[*link];
        if (p.pid != pid) continue;
        drop_pending(p);
        if (p.pidfd >= 0) close(p.pidfd);
        const uint32_t i = *link;
        *link = p.next;
        p.pid = 0;
        p.next = free_;
        free_ = i;
        --live_;
        return;
    }
}

PendingExec* ProcessTable::take_pending(Process& p) {
    if (p.pending != kNoIndex) return &execs_[p.pending];
    uint32_t i = free_exec_;
    if (i != kNoIndex) free_exec_ = execs_next_[i];
    else if (used_execs_ < kMaxPendingExecs) i = used_execs_++;
    else return nullptr;
    ++pending_;
    p.pending = i;
    execs_[i].pid = p.pid;
    return &execs_[i];
}

void ProcessTable::drop_pending(Process& p) {
    if (p.pending == kNoIndex) return;
    take_stat(execs_[p.pending]);
    --pending_;
    execs_[p.pending].pid = 0;
    execs_next_[p.pending] = free_exec_;
    free_exec_ = p.pending;
    p.pending = kNoIndex;
}

std::vector<std::pair<uint64_t, pid_t>> ProcessTable::silent() const {
    std::vector<std::pair<uint64_t, pid_t>> found;
    for (uint32_t i = 0; i < used_execs_; ++i)
        if (const PendingExec& e = execs_[i]; e.pid != 0 && !e.recorded && !e.telling) found.emplace_back(e.time, e.pid);
    std::sort(found.begin(), found.end());
    return found;
}

void ProcessTable::keep_stat(PendingExec& e, UniqueFd stat) {
    if (!stat || kept_ == kMostKept) return;
    ++kept_;
    e.kept_stat = stat.release() + 1;
}

UniqueFd ProcessTable::take_stat(PendingExec& e) {
    if (e.kept_stat == 0) return {};
    --kept_;
    return UniqueFd(std::exchange(e.kept_stat, 0) - 1);
}

bool ProcessTable::note_newborn(const Process& p, bool* first) {
    if (newborns_.size() == newborns_.capacity()) return false;
    if (first) *first = newborns_.empty();
    newborns_.push_back({p.pid, p.start_time});
    return true;
}

const std::vector<ProcessTable::Newborn>& ProcessTable::take_newborns() {
    taken_newborns_.clear();
    const auto guard = lock();
    newborns_.swap(taken_newborns_);
    return taken_newborns_;
}

namespace {

// A cell of threads_: thread, group, and when that was proven, in ms modulo 2^20. A thread that was silent for such a
// period may be believed without a proof for kProofNs.
constexpr unsigned kPidBits = 22, kTimeBits = 20;
constexpr uint64_t kPidMask = (1 << kPidBits) - 1, kTimeMask = (1 << kTimeBits) - 1;
constexpr uint64_t kProofMs = 20;
static_assert(2 * kPidBits + kTimeBits == 64);

bool fits(pid_t pid) { return (static_cast<uint64_t>(pid) & ~kPidMask) == 0; }

}  // namespace

pid_t ProcessTable::group_of(pid_t tid, uint64_t now) {
    uint64_t& cell = threads_[hash(tid) % kThreads];
    const uint64_t seen = __atomic_load_n(&cell, __ATOMIC_RELAXED), now_ms = now / 1'000'000 & kTimeMask;
    const auto put = [&](pid_t group) {
        if (fits(tid) && fits(group))
            __atomic_store_n(&cell,
                             static_cast<uint64_t>(tid) << (kPidBits + kTimeBits) | static_cast<uint64_t>(group) << kTimeBits | now_ms,
                             __ATOMIC_RELAXED);
        return group;
    };
    if (seen >> (kPidBits + kTimeBits) == static_cast<uint64_t>(tid)) {
        const pid_t group = static_cast<pid_t>(seen >> kTimeBits & kPidMask);
        if (((now_ms - seen) & kTimeMask) < kProofMs) return group;
        // Signal 0 to a thread by its group: fails when the thread does not belong to it (EPERM still proves it).
        if (syscall(SYS_tgkill, group, tid, 0) == 0 || errno == EPERM) return put(group);
    }
    const bool leader = syscall(SYS_tgkill, tid, tid, 0) == 0 || errno == EPERM;
    const pid_t group = leader ? tid : thread_group_of(tid);
    return group != 0 ? put(group) : 0;
}

}  // namespace undercoat::instrument
