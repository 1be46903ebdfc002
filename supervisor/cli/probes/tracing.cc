// Probes of what one process may do to another: ptrace, reading memory, taking descriptors.
#include "supervisor/cli/probes/probe.h"

#include "base/unique_fd.h"
#include "supervisor/probes/trace_probe.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

namespace undercoat::cli {
namespace {

constexpr char kMark[] = "undercoat doctor";

// A child that sleeps until it is killed.
class SleepingChild {
public:
    SleepingChild() : pid_(::fork()) {
        if (pid_ == 0)
            for (;;) ::pause();
    }
    ~SleepingChild() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, __WALL);
    }
    SleepingChild(const SleepingChild&) = delete;
    SleepingChild& operator=(const SleepingChild&) = delete;
    pid_t pid() const { return pid_; }

private:
    pid_t pid_;
};

std::string reason(int error) { return "refused: " + std::string(std::strerror(error)); }

ProbeResult ptrace_probe() {
    ProbeResult r{"ptrace", Verdict::good, "", "", ""};
    const probes::TraceFacts facts = probes::try_trace();
    if (facts.error != 0) {
        r.verdict = Verdict::limited;
        r.found = reason(facts.error);
        r.meaning = "`--trap ptrace` and `--trap ptrace-all` cannot be used";
        r.advice = "only needed without seccomp-notify: add SYS_PTRACE (ECS: linuxParameters.capabilities.add)";
        return r;
    }
    r.traceable = true;
    r.found = facts.filter ? "works, with a seccomp filter" : "works, without seccomp filters";
    r.found += facts.syscall_info ? "; PTRACE_GET_SYSCALL_INFO" : "; PTRACE_GETREGS only";
    if (facts.entry_after_seccomp) r.found += "; entry stop after the seccomp stop (kernel before 4.8)";
    if (!facts.filter) r.verdict = Verdict::limited;
    r.meaning = facts.filter ? "`--trap ptrace` is possible: taken where notify is not, or where exact results are asked for"
                             : "`--trap ptrace-all` is possible: every call stops twice, which is slow";
    return r;
}

ProbeResult memory_probe(pid_t child) {
    ProbeResult r{"process_vm_readv", Verdict::good, "works", "arguments of trapped calls are read from the caller's memory", ""};
    char buffer[sizeof kMark] = {};
    iovec local{buffer, sizeof buffer}, remote{const_cast<char*>(kMark), sizeof kMark};
    const ssize_t n = ::process_vm_readv(child, &local, 1, &remote, 1, 0);
    if (n == static_cast<ssize_t>(sizeof kMark) && std::memcmp(buffer, kMark, sizeof kMark) == 0) return r;
    const int error = n < 0 ? errno : EIO;
    const std::string path = "/proc/" + std::to_string(child) + "/mem";
    UniqueFd mem(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    const bool by_file = mem && ::pread(mem.get(), buffer, sizeof buffer, reinterpret_cast<off_t>(kMark)) == sizeof kMark;
    r.verdict = by_file ? Verdict::limited : Verdict::bad;
    r.found = reason(error) + (by_file ? "; /proc/PID/mem works" : "; /proc/PID/mem neither");
    r.meaning = by_file ? "arguments are read through /proc/PID/mem, which is slower"
                        : "trapped calls are reported without their paths and addresses";
    if (!by_file) r.advice = "allow process_vm_readv in the seccomp profile, or add SYS_PTRACE";
    return r;
}

ProbeResult pidfd_probe(pid_t child) {
    ProbeResult r{"pidfd_getfd", Verdict::good, "works", "sockets of trapped calls can be looked at", ""};
    UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
    int error = pidfd ? 0 : errno;
    if (pidfd) {
        UniqueFd taken(static_cast<int>(::syscall(438, pidfd.get(), 2, 0)));
        error = taken || errno == EBADF ? 0 : errno;
    }
    if (error == 0) return r;
    r.verdict = Verdict::limited;
    r.found = reason(error);
    r.meaning = "local addresses and protocols of sockets are taken from events alone";
    return r;
}

ProbeResult yama_probe() {
    ProbeResult r{"yama", Verdict::good, "", "", ""};
    const std::string scope = first_line("/proc/sys/kernel/yama/ptrace_scope");
    if (scope.empty() || scope == "0") {
        r.found = scope.empty() ? "not there" : "ptrace_scope 0";
        r.meaning = "processes may be read by others of the same user";
        return r;
    }
    r.found = "ptrace_scope " + scope;
    if (has_capability(CAP_SYS_PTRACE)) {
        r.meaning = "SYS_PTRACE is there: no restriction for us";
        return r;
    }
    r.verdict = scope == "1" ? Verdict::limited : Verdict::bad;
    r.meaning = scope == "1" ? "descendants of instrument can be read; with LD_PRELOAD alone (no entrypoint) children cannot"
                             : "nobody without SYS_PTRACE may read another process: trapped calls come without paths";
    r.advice = "use the `instrument` entrypoint, or add SYS_PTRACE to the task";
    return r;
}

ProbeResult userfaultfd_probe() {
    ProbeResult r{"userfaultfd", Verdict::good, "", "", ""};
    UniqueFd fd(static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC)));
    r.found = fd ? "available to this user" : "not available: " + std::string(std::strerror(errno));
    r.meaning = fd ? "a program can make a read of its memory wait: the trap's watchdog continues such calls after 20 ms"
                   : "a program cannot delay the trap by page faults of its own";
    return r;
}

}  // namespace

void probe_tracing(std::vector<ProbeResult>& out) {
    SleepingChild child;
    if (child.pid() > 0) {
        out.push_back(memory_probe(child.pid()));
        out.push_back(pidfd_probe(child.pid()));
        out.push_back(ptrace_probe());
    }
    out.push_back(yama_probe());
    out.push_back(userfaultfd_probe());
}

}  // namespace undercoat::cli
