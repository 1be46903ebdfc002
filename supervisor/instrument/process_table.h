// The processes that have trapped, and which thread belongs to which.
//
// Must stay true: memory is taken once, at the start; the lock is held for memory operations only, never across a system
// call that can block; an entry belongs to one process image generation (pid and start time), whose end
// its pidfd tells, or a look at it while it is one of the newborns.
#pragma once

#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>
#include <sys/types.h>

#include "base/unique_fd.h"
#include "supervisor/instrument/credentials.h"
#include "supervisor/instrument/exec_cache.h"
#include "wire/local/record.h"

namespace undercoat::instrument {

inline constexpr uint32_t kMaxProcesses = 32768;
inline constexpr uint32_t kMaxPendingExecs = 2048;
inline constexpr uint32_t kNoIndex = UINT32_MAX;

// An execve that was let go and whose outcome is not known yet: what its record will need.
struct PendingExec {
    int32_t pid;           // whose; 0: free
    uint32_t tid;
    uint16_t call;
    uint8_t flags;         // RecordFlag bits of the record
    uint64_t time;
    int64_t result;        // inferred
    bool recorded;         // as a failure; kept to see whether it was one
    bool telling;          // a thread looks whether it has succeeded, and tells it before the image's next call is told
    ExecFile file;         // that the path names
    uint64_t mark;         // of the old image (image_mark), where its place would not tell it from the new one; else 0
    int32_t kept_stat;     // descriptor of its /proc/PID/stat and one; 0: none
    uint16_t size;         // bytes of payload captured at the trap
    uint8_t payload[22 * 1024];  // written and copied as far as used: 6 KiB, and a stack where one is wanted
};

struct Process {
    pid_t pid = 0;
    int pidfd = -1;
    uint64_t start_time = 0;  // clock ticks since boot
    pid_t parent = 0;         // at birth
    char comm[16] = {};
    wire::ProcInfo info{};        // as last read; what a child inherits is not read again
    uint64_t start_stack = 0, arg_start = 0;  // of the image: another one has others
    bool altered = false;         // its rights changed since they were read: no model for its children
    uint32_t pending = kNoIndex;  // index of a PendingExec
    uint32_t ring_slot = 0;       // registry slot of its ring, 0: none
    Credentials credentials;
    bool credentials_known = false;  // cleared by whatever changes them
    bool rights_settled = false;     // they are as an execution left them: another plain one leaves them so, too
    bool root_known = false;         // whether same_root is
    bool same_root = false;
    // Opens of the image that were compared with our library's path, which ld.so opens once and early.
    static constexpr uint8_t kFirstOpens = 6;
    uint8_t opens_looked_at = kFirstOpens;
    bool no_clock = false;        // a thread of it has forbidden itself the time stamp counter
    bool sealed = false;          // has, or its parent had, a seccomp filter of its own: may be forbidden to take up a ring
    bool cgroup_told = false;     // the text of its cgroup is in a record of its or of those it was forked from
    bool unheard = false;         // taken up from a trap process that has died, and has not called since
    bool announced = false;       // its birth record is written
    bool exited = false;          // its exit record is written
    bool held = false;            // its calls are: what it says of itself by other ways does not count
    uint32_t coverage_told = 0;   // a bit for each CoverageReason that was told of it
    uint32_t next = kNoIndex;     // hash chain or free list
};

class ProcessTable {
public:
    ProcessTable();
    std::unique_lock<std::mutex> lock() { return std::unique_lock(mutex_); }

    // The next ones need the lock; pointers are good while it is held.
    Process* find(pid_t pid);
    // A new entry, or nullptr when the table is full.
    Process* insert(pid_t pid);
    void erase(pid_t pid);  // closes the pidfd, frees a pending exec
    PendingExec* pending(Process& p) { return p.pending == kNoIndex ? nullptr : &execs_[p.pending]; }
    // Gives the process a PendingExec (the one it has, else a free one); nullptr when all are taken.
    PendingExec* take_pending(Process& p);
    void drop_pending(Process& p);  // closes what it keeps
    // Those that wait for a call that shows their outcome: since when (ns since the epoch), and whose; the oldest first.
    std::vector<std::pair<uint64_t, pid_t>> silent() const;
    bool has_pending() const { return pending_ != 0; }
    bool can_pend(const Process& p) const { return p.pending != kNoIndex || pending_ < kMaxPendingExecs; }
    // Keeps the open stat file of whoever executes, for the look at the new image; a few, the others are closed.
    void keep_stat(PendingExec& e, UniqueFd stat);
    UniqueFd take_stat(PendingExec& e);
    // Calls f(Process&) for each; f must not insert or erase.
    template <class F>
    void each(F f) {
        for (uint32_t head : buckets_)
            for (uint32_t i = head; i != kNoIndex; i = entries_[i].next) f(entries_[i]);
    }

    // Processes whose end nobody watches yet. With the lock held; `first`: it was the only one. False: no room.
    struct Newborn {
        pid_t pid;
        uint64_t start_time;
    };
    bool note_newborn(const Process& p, bool* first);
    bool empty() const { return live_ == 0; }
    bool has_newborns() const { return !newborns_.empty(); }
    // Takes the lock; one thread calls it. The list is good until the next call.
    const std::vector<Newborn>& take_newborns();

    // Thread group of a thread: cached, and the cache proven once in 20 ms, within which no number comes round again.
    // 0: gone. `now`: monotonic ns. Takes no lock.
    pid_t group_of(pid_t tid, uint64_t now);

private:
    static constexpr uint32_t kBuckets = 1 << 15, kThreads = 1 << 14;
    static constexpr unsigned kMostKept = 64;
    std::mutex mutex_;
    uint32_t* buckets_begin_;
    Process* entries_;
    PendingExec* execs_;
    uint32_t* execs_next_;
    uint64_t* threads_;  // direct mapped by thread
    unsigned kept_ = 0;  // stat files
    uint32_t pending_ = 0;
    std::vector<Newborn> newborns_, taken_newborns_;
    uint32_t free_ = kNoIndex, used_ = 0, live_ = 0;
    uint32_t free_exec_ = kNoIndex, used_execs_ = 0;
    struct Buckets {
        uint32_t* first;
        uint32_t* begin() const { return first; }
        uint32_t* end() const { return first + kBuckets; }
    } buckets_{};
};

}  // namespace undercoat::instrument
