// A wait status of a tracee as a typed value: what happened to it, once, so that nobody else looks at the bits.
//
// Source of the format: ptrace(2), for tracees attached by PTRACE_SEIZE with PTRACE_O_TRACESYSGOOD. Pure.
#pragma once

namespace undercoat::instrument {

struct Stop {
    enum Kind {
        ended,       // it is gone; value: the wait status
        seccomp,     // the filter said RET_TRACE; the call has not run
        syscall,     // PTRACE_SYSCALL: before or after a call
        fork,        // it made a process (fork, vfork); the message is the child's id
        clone,       // it made a thread or a process
        vfork_done,
        exec,        // a new image runs; the message is the id that the thread had before
        group,       // it stopped as its group did; value: the signal. Resumed by PTRACE_LISTEN only
        trap,        // the first stop of a new tracee, the answer to PTRACE_INTERRUPT, or the end of a group stop
        signal,      // about to be delivered; value: the signal
        other,       // an event that we did not ask for
    };
    Kind kind;
    int value = 0;
};

Stop decode_stop(int status);

}  // namespace undercoat::instrument
