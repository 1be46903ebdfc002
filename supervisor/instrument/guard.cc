// See guard.h.
#include "supervisor/instrument/guard.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <initializer_list>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "supervisor/instrument/credentials.h"
#include "supervisor/instrument/target.h"

namespace undercoat::instrument {
namespace {

using wire::Call;

constexpr Answer kDenied{Answer::fail, EPERM};
// Whom the call is aimed at is hidden from us, and might be one of ours.
constexpr pid_t kHidden = -1;

bool was_refused() { return errno == EACCES || errno == EPERM; }

// By the numbers that it has, down from those of our own name space: what a process that is not dumpable hides is its link.
bool same_pid_namespace(pid_t tid) {
    char text[4096];
    text[read_proc(tid, "status", text, sizeof text - 1)] = 0;
    const char* at = strstr(text, "\nNSpid:");
    if (!at) return same_namespace(tid, "ns/pid");  // gVisor
    at += strspn(at + 7, " \t") + 7;
    return at[strspn(at, "0123456789")] == '\n';
}

// The process whose directory of a /proc, mounted wherever, this descriptor of the caller is: the kernel takes it for a pidfd.
pid_t directory_target(const HeldCall& c) {
    char path[48], text[64];
    snprintf(path, sizeof path, "/proc/%d/fd/%d", c.tid, c.as_int(0));
    const UniqueFd dir(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
    struct statfs kind {};
    if (!dir || fstatfs(dir.get(), &kind) != 0 || kind.f_type != PROC_SUPER_MAGIC) return 0;
    const UniqueFd stat(openat(dir.get(), "stat", O_RDONLY | O_CLOEXEC));
    const ssize_t n = stat ? read(stat.get(), text, sizeof text - 1) : 0;
    text[n > 0 ? n : 0] = 0;
    return static_cast<pid_t>(strtol(text, nullptr, 10));
}

// The process that a pidfd of the caller stands for, as its fdinfo says.
pid_t pidfd_target(const HeldCall& c) {
    char what[32], text[512];
    snprintf(what, sizeof what, "fdinfo/%d", c.as_int(0));
    errno = 0;
    const size_t n = read_proc(c.tid, what, text, sizeof text - 1);
    if (n == 0 && was_refused()) return kHidden;
    text[n] = 0;
    const char* at = strstr(text, "\nPid:");
    return at ? static_cast<pid_t>(strtol(at + 5, nullptr, 10)) : directory_target(c);
}

// Whom the signals of a descriptor are to go to; a group's number stands for its leader.
pid_t owner_of_signals(const HeldCall& c) {
    struct {
        int32_t type, pid;
    } owner{};
    if (c.as_int(1) == F_SETOWN) owner.pid = c.as_int(2);
    else if (c.as_int(1) == F_SETOWN_EX) {
        size_t got = 0;
        const Read r = read_memory(c.tid, c.args[2], &owner, sizeof owner, &got);
        if (r == Read::forbidden) return kHidden;
        if (r != Read::ok || got != sizeof owner) return 0;
    }
    return owner.pid < 0 && owner.pid != INT32_MIN ? -owner.pid : owner.pid;
}

bool catches(pid_t pid, int signal) {
    char text[2048];
    text[read_proc(pid, "status", text, sizeof text - 1)] = 0;
    const char* at = strstr(text, "\nSigCgt:");
    return at && (strtoull(at + 8, nullptr, 16) >> (signal - 1) & 1);
}

// Of setpriority and ioprio_set: their second argument is no process.
bool names_a_user(const HeldCall& c) {
    constexpr int kIoprioUser = 3;
    return c.as_int(0) == (static_cast<Call>(c.call) == Call::setpriority ? static_cast<int>(PRIO_USER) : kIoprioUser);
}

// What a process gets for its own mistakes: from somebody else it means to end the process, and a parent who takes no harm of it
// is nobody's way to the workload.
bool is_fault(int signal) {
    for (const int s : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGABRT})
        if (s == signal) return true;
    return false;
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
// refused, and not where the kernel shields PID 1 itself: there what PID 1 does not catch is without effect.
Answer signal_to(pid_t pid, int signal, const Agents& agents) {
    if (signal == 0 || !agents.has(pid)) return {};
    if (pid != agents.init) return kDenied;
    if (pid == 1) return is_fault(signal) && !catches(agents.workload, signal) ? Answer{Answer::succeed, 0} : Answer{};
    return signal == SIGKILL || signal == SIGSTOP || is_fault(signal) ? kDenied : Answer{};
}

}  // namespace

Answer guard(const HeldCall& c, const Agents& agents) {
    const int32_t first = c.as_int(0);
    const auto aimed_at = [&](pid_t number) {
        const pid_t pid = ours(number, agents);
        return pid != 0 && same_pid_namespace(c.tid) ? pid : 0;
    };
    const auto found = [&](pid_t target) { return target == kHidden && same_pid_namespace(c.tid) ? agents.trap : aimed_at(target); };
    const auto denied_at = [&](pid_t number) { return aimed_at(number) != 0 ? kDenied : Answer{}; };
    const auto call = static_cast<Call>(c.call);
    if (call == Call::io_uring_setup && agents.deny_uring) return {Answer::fail, ENOSYS};
    if (!agents.deny && call != Call::seccomp) return {};
    switch (call) {
        case Call::kill:
            if (first == -1 && same_pid_namespace(c.tid)) return kill_everybody(c, c.as_int(1), agents);
            return signal_to(aimed_at(first < 0 ? -first : first), c.as_int(1), agents);
        case Call::tkill: case Call::rt_sigqueueinfo: return signal_to(aimed_at(first), c.as_int(1), agents);
        case Call::tgkill: case Call::rt_tgsigqueueinfo: return signal_to(aimed_at(first), c.as_int(2), agents);
        case Call::pidfd_send_signal: return signal_to(found(pidfd_target(c)), c.as_int(1), agents);
        case Call::pidfd_getfd: case Call::process_madvise: return found(pidfd_target(c)) != 0 ? kDenied : Answer{};
        case Call::ptrace: return denied_at(c.as_int(1));
        case Call::fcntl: return found(owner_of_signals(c)) != 0 ? kDenied : Answer{};
        case Call::setpriority: case Call::ioprio_set: return denied_at(names_a_user(c) ? 0 : c.as_int(1));
        case Call::kcmp: return aimed_at(first) != 0 ? kDenied : denied_at(c.as_int(1));
        case Call::seccomp:
            return !agents.foreign_listeners && c.args[0] == SECCOMP_SET_MODE_FILTER &&
                           (c.args[1] & SECCOMP_FILTER_FLAG_NEW_LISTENER)
                       ? Answer{Answer::fail, EBUSY}
                       : Answer{};
        case Call::process_vm_writev: case Call::prlimit: case Call::move_pages: case Call::migrate_pages:
        case Call::sched_setaffinity: case Call::sched_setattr: case Call::sched_setparam: case Call::sched_setscheduler:
            return denied_at(first);
        default: return {};
    }
}

}  // namespace undercoat::instrument
