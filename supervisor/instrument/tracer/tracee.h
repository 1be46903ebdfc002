// One traced thread as a state machine: what a stop means for it, and how it is to go on.
//
// Pure: no system call is made here. Must stay true: every stop that is not handed out resumes the thread; a
// thread whose call's end is awaited is resumed by PTRACE_SYSCALL whatever stops it meanwhile; signals pass as they came.
#pragma once

#include <cstdint>
#include <sys/types.h>

#include "supervisor/instrument/tracer/stop.h"

namespace undercoat::instrument {

enum class Resume { nothing, go, to_syscall, listen };

// What is to be done about a stop: tell somebody, then resume with `signal`.
struct Step {
    enum Tell {
        nobody,
        entry,      // a call is held; it is resumed by its answer, or by `resume` when nobody wants to hear of it
        exit,       // an awaited call has ended; resumed by its answer
        forked,     // a process was born
        executed,   // a new image; resumed by its answer
        gone,       // the thread is no more
    } tell = nobody;
    Resume resume = Resume::nothing;
    int signal = 0;
};

// How this kernel and this run differ.
struct TraceRules {
    bool every_call = false;       // ptrace-all: there is no filter, each call stops twice
    bool entry_after_seccomp = false;  // before 4.8: a syscall-entry stop follows the seccomp stop
};

// What PTRACE_GET_SYSCALL_INFO says of a syscall stop, where it is there.
enum class Side { unknown, entry, exit };

struct Tracee {
    pid_t tid = 0;
    uint64_t held = 0;           // id of the call or event that was handed out and waits for its answer
    bool awaits_exit = false;    // the end of the current call is asked for
    bool inside = false;         // between the entry and the exit stop of a call
    bool entry_stop_due = false; // TraceRules::entry_after_seccomp: the next syscall stop is no exit
};

// How a thread that nobody holds is resumed.
inline Resume onward(const Tracee& t, const TraceRules& rules) {
    return rules.every_call || t.awaits_exit ? Resume::to_syscall : Resume::go;
}

// Takes a stop. `side`: for Stop::syscall only.
Step step(Tracee& t, const Stop& stop, Side side, const TraceRules& rules);

// The answer to a held call: whether its end is to be told. Then resume by onward().
void answered(Tracee& t, bool want_exit);

// After an exec: thread `from`, which had another id before, goes on as `to`, the leader.
void becomes_leader(Tracee& to, const Tracee& from);

}  // namespace undercoat::instrument
