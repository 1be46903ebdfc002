// See guard.h.
#include "supervisor/instrument/guard.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <initializer_list>
#include <linux/seccomp.h>
#include <unistd.h>

#include "supervisor/instrument/credentials.h"
#include "supervisor/instrument/target.h"

namespace undercoat::instrument {
namespace {

using wire::Call;

constexpr Answer kDenied{Answer::fail, EPERM};

bool same_pid_namespace(pid_t tid) { return same_namespace(tid, "ns/pid"); }

// The process that a pidfd of the caller stands for, as its fdinfo says.
pid_t pidfd_target(const HeldCall& c) {
    char what[32], text[512];
    snprintf(what, sizeof what, "fdinfo/%d", c.as_int(0));
    text[read_proc(c.tid, what, text, sizeof text - 1)] = 0;
    const char* at = strstr(text, "\nPid:");
    return at ? static_cast<pid_t>(strtol(at + 5, nullptr, 10)) : 0;
}

// The process of ours that a number stands for, which may be that of any of its threads; 0: none.
pid_t ours(pid_t number, const Agents& agents) {
    if (number <= 0 || agents.has(number)) return number > 0 ? number : 0;
    for (const pid_t pid : {agents.trap, agents.supervisor, agents.init}) {
        char path[48];
        snprintf(path, sizeof path, "/proc/%d/task/%d", pid, number);
        if (pid > 0 && access(path, F_OK) == 0) return pid;
    }
    return 0;
}

bool may_signal(const Credentials& from, const Credentials& to) {
    return from.has(kCapKill) || from.euid == to.suid || from.euid == to.uid || from.uid == to.suid || from.uid == to.uid;
}

Answer kill_everybody(const HeldCall& c, int signal, const Agents& agents) {
    Credentials caller;
    DIR* proc = opendir("/proc");
    if (!proc || signal < 0 || signal >= NSIG || !read_credentials(c.tid, caller)) {
        if (proc) closedir(proc);
        return kDenied;
    }
    bool any = false, allowed = false;
    while (const dirent* e = readdir(proc)) {
        const pid_t pid = static_cast<pid_t>(strtol(e->d_name, nullptr, 10));
        Credentials target;
        if (pid <= 1 || pid == c.pid || agents.has(pid) || !read_credentials(pid, target)) continue;
        any = true;
        if (may_signal(caller, target) && ::kill(pid, signal) == 0) allowed = true;
    }
    closedir(proc);
    if (allowed) return {Answer::succeed, 0};
    return {Answer::fail, any ? EPERM : ESRCH};
}

// Signals to init go on to the workload, whose parent (or PID 1) the caller takes it for; only what cannot be passed on is
// refused, and not where the kernel shields PID 1 itself.
Answer signal_to(pid_t pid, int signal, const Agents& agents) {
    if (signal == 0 || !agents.has(pid)) return {};
    if (pid == agents.init && (pid == 1 || (signal != SIGKILL && signal != SIGSTOP))) return {};
    return kDenied;
}

}  // namespace

Answer guard(const HeldCall& c, const Agents& agents) {
    const int32_t first = c.as_int(0);
    const auto aimed_at = [&](pid_t number) {
        const pid_t pid = ours(number, agents);
        return pid != 0 && same_pid_namespace(c.tid) ? pid : 0;
    };
    switch (static_cast<Call>(c.call)) {
        case Call::kill:
            if (first == -1 && same_pid_namespace(c.tid)) return kill_everybody(c, c.as_int(1), agents);
            return signal_to(aimed_at(first < 0 ? -first : first), c.as_int(1), agents);
        case Call::tkill: case Call::rt_sigqueueinfo: return signal_to(aimed_at(first), c.as_int(1), agents);
        case Call::tgkill: case Call::rt_tgsigqueueinfo: return signal_to(aimed_at(first), c.as_int(2), agents);
        case Call::pidfd_send_signal: return signal_to(aimed_at(pidfd_target(c)), c.as_int(1), agents);
        case Call::pidfd_getfd: return aimed_at(pidfd_target(c)) != 0 ? kDenied : Answer{};
        case Call::ptrace: return aimed_at(c.as_int(1)) != 0 ? kDenied : Answer{};
        case Call::seccomp:
            return !agents.foreign_listeners && c.args[0] == SECCOMP_SET_MODE_FILTER &&
                           (c.args[1] & SECCOMP_FILTER_FLAG_NEW_LISTENER)
                       ? Answer{Answer::fail, EBUSY}
                       : Answer{};
        case Call::process_vm_writev: case Call::prlimit: return aimed_at(first) != 0 ? kDenied : Answer{};
        default: return {};
    }
}

}  // namespace undercoat::instrument
