// Tries what the ptrace back end needs, on a child of one's own.
//
// Must stay true: it tries the thing itself and asks for no kernel version (gVisor says 4.4.0); it ends within two seconds.
#pragma once

namespace undercoat::probes {

struct TraceFacts {
    int error = 0;                     // why a child cannot be traced; 0: it can
    bool filter = false;               // SECCOMP_RET_TRACE stops it; else only PTRACE_SYSCALL does
    bool syscall_info = false;         // PTRACE_GET_SYSCALL_INFO; else PTRACE_GETREGS
    bool entry_after_seccomp = false;  // a syscall-entry stop follows the seccomp stop (kernels before 4.8)
};

// The calling thread must have no other child that it waits for with waitpid(-1).
TraceFacts try_trace();

}  // namespace undercoat::probes
