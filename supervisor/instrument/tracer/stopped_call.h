// The registers of a thread in a ptrace stop: which call it is about to make or has made, and how to change that.
//
// Must stay true: called by the tracer's thread only; ESRCH (the thread was killed meanwhile) is a plain false. By
// PTRACE_GET_SYSCALL_INFO where it is there, else by PTRACE_GETREGS.
#pragma once

#include <sys/types.h>
#include <sys/user.h>

#include "supervisor/instrument/trap_backend.h"
#include "supervisor/instrument/tracer/tracee.h"

namespace undercoat::instrument {

class StoppedCall {
public:
    // `syscall_info`: this kernel has PTRACE_GET_SYSCALL_INFO.
    explicit StoppedCall(bool syscall_info) : syscall_info_(syscall_info) {}
    // Architecture, number, instruction pointer and arguments of a call that has not run.
    bool entry(pid_t tid, Trap& out) const;
    // At a syscall stop: before or after the call? After it, its result.
    Side side(pid_t tid, int64_t& result) const;
    bool result(pid_t tid, int64_t& result) const;

    // Makes the held call one that does nothing.
    static bool skip(pid_t tid);
    // Sets what an ended call returns.
    static bool set_result(pid_t tid, int64_t result);
    // Clears bits of the first argument.
    static bool clear_flags(pid_t tid, uint64_t bits);
    // Turns the held call into memfd_create(`name`, `flags`). `before`: gets the registers, for end_memfd().
    static bool begin_memfd(pid_t tid, const char* name, unsigned flags, user_regs_struct& before);
    // At its end: the registers as they were, but for the result.
    static bool end_memfd(pid_t tid, const user_regs_struct& before, int64_t result);

private:
    bool syscall_info_;
};

}  // namespace undercoat::instrument
