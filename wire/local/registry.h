// What instrument and the supervisor share, and what survives a death of the supervisor: which rings exist, how far each
// has been read, who is whose parent, the trap's outstanding calls, and counters.
//
// Freestanding; a memfd that the workload cannot reach (both programs are not dumpable). Must stay true: each field has one
// writer, named (i) instrument or (s) supervisor; a reader that finds a slot half written sees state free or its old one.
#pragma once

#include "wire/local/alert_journal.h"
#include "wire/local/ring.h"

namespace undercoat::wire {

inline constexpr uint32_t kRegistryMagic = 0x47524355;
inline constexpr uint32_t kMaxRings = 8192;
inline constexpr uint32_t kLineageSize = 1 << 16;  // open addressing by pid; the oldest dead entry gives way
inline constexpr uint32_t kMaxTrapThreads = 64;

enum class SlotState : uint32_t {
    free = 0,
    live = 1,         // (i) the ring belongs to `pid`
    orphaned = 2,     // (i) its process died or called exec: drain what is there, then mark it drained
    drained = 3,      // (s) nothing will come any more: instrument closes it and frees the slot
    quarantined = 4,  // (s) it crashed the supervisor twice, or contradicts itself: never read again
};

struct RingSlot {
    uint32_t state;       // SlotState
    uint32_t ring_id;     // (i)
    uint32_t pid;         // (i) owner, thread group id in instrument's name space
    uint32_t granules;    // (i)
    uint64_t start_time;  // (i) the owner's start time in clock ticks since boot (field 22 of /proc/PID/stat)
    uint64_t tail;        // (s) position up to which every record is in the outputs
    uint32_t reading;     // (s) 1 while a record of this ring is being handled: still 1 at a restart blames the ring
    uint32_t crashes;     // (i) how often a supervisor died with `reading` set
};

// Parent at birth. A pid of 0 is a free entry.
struct Lineage {
    uint32_t pid;
    uint32_t ppid;
    uint64_t start_time;
};

// Counters of the trap, all (i). Each is a metric of the same name.
enum class Counter : uint32_t {
    traps, continued, continued_by_watchdog, threads_replaced, records, records_dropped_full, unreadable, inferred,
    rings_registered, rings_refused, supervisor_restarts, denied, stale_ids, births, execs, exits,
    coverage, words_refused, execs_unfollowed, count = 64
};

struct Registry {
    uint32_t magic;           // (i)
    uint32_t abi;             // (i)
    int32_t instrument_pid;   // (i)
    int32_t supervisor_pid;   // (i)
    uint32_t mode;            // (i) CaptureMode
    uint32_t origin;          // (i) Origin of the trap's back end
    uint32_t workload_pid;    // (i) the first process of the workload
    uint32_t ready;           // (s) 1 once rules are loaded
    uint32_t cgroups_move;    // (i, s) 1 once the workload has opened what moves processes between cgroups
    uint32_t reserved;
    uint64_t supervisor_beat; // (s) raised at each turn of its loop
    uint64_t instrument_beat; // (i)
    uint64_t outstanding[kMaxTrapThreads];  // (i) notification ids between RECV and the answer; 0: none
    uint64_t counters[static_cast<size_t>(Counter::count)];
    AlertJournal alerts;  // (s)
    RingSlot slots[kMaxRings];  // slot 0 is the trap ring
    Lineage lineage[kLineageSize];
};

inline void count(Registry& r, Counter c, uint64_t n = 1) {
    __atomic_fetch_add(&r.counters[static_cast<size_t>(c)], n, __ATOMIC_RELAXED);
}

}  // namespace undercoat::wire
