// See trace_probe.h. The child has a filter for one call, which it then makes; the stops that follow are the answer.
#include "supervisor/probes/trace_probe.h"

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <ctime>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

namespace undercoat::probes {
namespace {

constexpr int kNoFilter = 3, kSysgood = SIGTRAP | 0x80;

[[noreturn]] void be_traced() {
    sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog program{sizeof code / sizeof *code, code};
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(errno);
    raise(SIGSTOP);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) _exit(kNoFilter);
    syscall(SYS_getppid);
    _exit(0);
}

// The next status of the child; kills it after two seconds. False: it is gone.
bool next_stop(pid_t child, int& status) {
    for (int turn = 0; turn < 20000; ++turn) {
        const pid_t got = waitpid(child, &status, WNOHANG | __WALL);
        if (got == child) return WIFSTOPPED(status);
        if (got < 0 && errno != EINTR) return false;
        const timespec pause{0, 100'000};
        nanosleep(&pause, nullptr);
    }
    return false;
}

void learn(pid_t child, TraceFacts& facts) {
    int status = 0;
    if (!next_stop(child, status)) {
        facts.error = WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : EPERM;
        return;
    }
    if (ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL) != 0) {
        facts.error = errno;
        return;
    }
    ptrace(PTRACE_CONT, child, nullptr, nullptr);
    if (!next_stop(child, status) || status >> 16 != PTRACE_EVENT_SECCOMP) return;
    facts.filter = true;
    __ptrace_syscall_info info{};
    facts.syscall_info = ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info) > 0 &&
                         info.op == PTRACE_SYSCALL_INFO_SECCOMP && info.seccomp.nr == SYS_getppid;
    ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
    user_regs_struct r{};
    if (!next_stop(child, status) || WSTOPSIG(status) != kSysgood) return;
    // Before a call the kernel puts -ENOSYS there; getppid never gives it.
    facts.entry_after_seccomp = ptrace(PTRACE_GETREGS, child, nullptr, &r) == 0 && static_cast<long>(r.rax) == -ENOSYS;
}

}  // namespace

TraceFacts try_trace() {
    TraceFacts facts;
    const pid_t child = fork();
    if (child < 0) {
        facts.error = errno;
        return facts;
    }
    if (child == 0) be_traced();
    learn(child, facts);
    kill(child, SIGKILL);
    while (waitpid(child, nullptr, __WALL) == child) {}
    return facts;
}

}  // namespace undercoat::probes
