// See init.h. A signal that the terminal sent (SI_KERNEL) went to the whole foreground process group, the workload
// included, so it is not passed on, and neither is one that the witness got, too; the exception is a hangup, which the kernel sends to the session's leader alone.
#include "supervisor/instrument/init.h"

#include <cerrno>
#include <csetjmp>
#include <csignal>
#include <ctime>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/instrument/target.h"

namespace undercoat::instrument {
namespace {

bool stopped(pid_t pid) {
    Stat s;
    return read_stat(pid, s) && (s.state == 'T' || s.state == 't');
}

void unblock_and_raise(int signal) {
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, signal);
    // The terminal's own copy may be pending: with it we would stop twice.
    const timespec now{0, 0};
    while (sigtimedwait(&one, nullptr, &now) > 0) {}
    sigprocmask(SIG_UNBLOCK, &one, nullptr);
    raise(signal);
    sigprocmask(SIG_BLOCK, &one, nullptr);
}

sigjmp_buf before_stop;
siginfo_t continued_by;

void leave_stop(int, siginfo_t* info, void*) {
    continued_by = *info;
    siglongjmp(before_stop, 1);
}

// Stops this process, unless it is continued before that: a stop takes away a SIGCONT that waits, and nobody would send another. So
// SIGCONT is let in first, and jumps over the stop. True: continued, by what continued_by says.
bool stop(int signal) {
    struct sigaction leave {}, before {};
    leave.sa_sigaction = leave_stop;
    leave.sa_flags = SA_SIGINFO;
    sigaction(SIGCONT, &leave, &before);
    const bool continued = sigsetjmp(before_stop, 1) != 0;
    if (!continued) {
        sigset_t cont;
        sigemptyset(&cont);
        sigaddset(&cont, SIGCONT);
        sigprocmask(SIG_UNBLOCK, &cont, nullptr);
        if (signal == SIGSTOP) raise(SIGSTOP);
        else unblock_and_raise(signal);
        sigprocmask(SIG_BLOCK, &cont, nullptr);
    }
    sigaction(SIGCONT, &before, nullptr);
    return continued;
}

}  // namespace

Ended InitDuties::run() {
    sigset_t all;
    sigfillset(&all);
    Ended ended{};
    for (;;) {
        siginfo_t info{};
        const int signal = sigwaitinfo(&all, &info);
        if (signal < 0) continue;
        if (signal != SIGCHLD) {
            forward(info);
            continue;
        }
        if (info.si_code == SI_USER || info.si_code == SI_QUEUE) forward(info);
        if (!reap(ended)) continue;
        witness_.stop();
        return ended;
    }
}

bool InitDuties::reap(Ended& ended) {
    int status = 0;
    bool over = false;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0;) {
        if (pid == workload_ && WIFSTOPPED(status)) stop_with(WSTOPSIG(status));
        else if (pid == workload_ && !WIFSTOPPED(status)) {
            ended.status = status;
            over = true;
        } else if (pid == agent_) {
            // Whoever stops it holds up every call of the workload.
            if (WIFSTOPPED(status)) kill(agent_, SIGCONT);
            else agent_ = agent_died_();
        }
    }
    return over;
}

void InitDuties::forward(const siginfo_t& info) {
    const int signal = info.si_signo;
    if (signal == SIGCONT) {
        // Whoever continues a job mostly continues the whole group. Without a witness: then the workload runs already.
        const bool witnessed = witness_.pid() != 0 && info.si_code != SI_KERNEL;
        if (witnessed ? !witness_.shares(info) : stopped(workload_)) kill(workload_, SIGCONT);
        return;
    }
    const bool from_terminal = info.si_code == SI_KERNEL;
    const bool leader_hangup = signal == SIGHUP && getsid(0) == getpid();
    if (from_terminal && !leader_hangup && signal != SIGPWR) return;
    if (!witness_.shares(info)) kill(workload_, signal);
}

// As PID 1 there is nobody to stop for, and the kernel would not let us.
void InitDuties::stop_with(int signal) {
    if (getpid() != 1 && stopped(workload_) && stop(signal)) forward(continued_by);
}

void end_like(int status) {
    if (WIFEXITED(status)) _exit(WEXITSTATUS(status));
    const int signal = WTERMSIG(status);
    if (getpid() != 1) {
        const rlimit none{0, 0};
        setrlimit(RLIMIT_CORE, &none);
        ::signal(signal, SIG_DFL);
        unblock_and_raise(signal);
    }
    _exit(128 + signal);
}

}  // namespace undercoat::instrument
