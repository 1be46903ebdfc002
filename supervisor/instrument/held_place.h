// What must outlive a trap process of the calls that it holds: a page shared with init, from which another one goes on.
//
// Must stay true: a notification stands here before its receiver can die, as the kernel itself writes it here; a call whose
// record is in the trap ring is known by the record's position, so that another trap process tells it neither twice nor never.
#pragma once

#include <linux/seccomp.h>

#include "supervisor/instrument/trap_backend.h"
#include "wire/local/registry.h"

namespace undercoat::instrument {

struct HeldPlace {
    alignas(64) seccomp_notif call;  // id 0: none
    uint64_t told_at;                // 1 + where its record begins in the trap ring; 0: no room was taken yet
    uint32_t tries;                  // trap processes that died with it
};

inline Trap trap_of(const seccomp_notif& n) {
    Trap t{};
    t.id = n.id;
    t.tid = n.pid;
    t.arch = n.data.arch;
    t.nr = static_cast<uint32_t>(n.data.nr);
    t.ip = n.data.instruction_pointer;
    for (int i = 0; i < 6; ++i) t.args[i] = n.data.args[i];
    return t;
}

inline void note(HeldPlace& place, const Trap& t) {
    seccomp_notif& n = place.call;
    n.pid = t.tid;
    n.data.arch = t.arch;
    n.data.nr = static_cast<int>(t.nr);
    n.data.instruction_pointer = t.ip;
    for (int i = 0; i < 6; ++i) n.data.args[i] = t.args[i];
    __atomic_store_n(&n.id, t.id, __ATOMIC_RELEASE);
}

// As the kernel wants it before it writes the next one.
inline void clear(HeldPlace& place) {
    __atomic_store_n(&place.call.id, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&place.told_at, 0, __ATOMIC_RELEASE);
    place.tries = 0;
    place.call = {};
}

// An execution that was let go and not told yet: as much of PendingExec (process_table.h) as fits.
struct LeftExec {
    static constexpr size_t kPayload = 448;
    int32_t pid;  // 0: none
    uint16_t call;
    uint8_t flags;
    uint64_t time;
    uint64_t start_stack, arg_start;  // of the image that made it
    uint16_t size;
    uint8_t payload[kPayload];
};

struct HandOver {
    static constexpr size_t kExecs = 256;
    HeldPlace places[wire::kMaxTrapThreads + 1];  // the last one is the watchdog's
    uint64_t ending[8];                           // calls that wait until everything is written out (Handler::hold_end_of)
    LeftExec execs[kExecs];                       // by pid modulo their number; a later one takes the place
    char meeting[108];  // path of the meeting place; empty: none
    // The process that reads the rings, known by both; 0: none.
    int32_t supervisor_pid;
    uint64_t supervisor_start;
};
HandOver* map_hand_over();

}  // namespace undercoat::instrument
