// Probes of seccomp: can we be told of system calls, and what does a filter that is already there hide from us?
#include "supervisor/cli/probes/probe.h"

#include "supervisor/probes/notify_probe.h"

#include <cerrno>
#include <cstring>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

namespace undercoat::cli {
namespace {

ProbeResult notify_probe() {
    ProbeResult r{"seccomp-notify", Verdict::good, "", "", ""};
    const int error = probes::try_notify(0);
    if (error == 0) {
        const bool killable = probes::try_notify(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) == 0;
        r.found = killable ? "works, with WAIT_KILLABLE_RECV" : "works, without WAIT_KILLABLE_RECV (kernel before 5.19)";
        r.meaning = killable ? "calls that do not go through the shim are seen by the `notify` trap: mode `full` is possible"
                             : "mode `full` is possible; a signal handler without SA_RESTART may interrupt a trapped call";
        return r;
    }
    r.verdict = Verdict::bad;
    if (error == EBUSY) {
        r.found = "another listener is installed already";
        r.meaning = "this process runs under instrument, or under another tool that listens; a second listener is not possible";
        r.advice = "run `undercoat doctor` outside instrument to see what the machine allows";
        return r;
    }
    r.found = "refused: " + std::string(std::strerror(error));
    r.meaning = "static programs, raw system calls and cleared environments are seen through ptrace only, or not at all";
    r.advice = "allow seccomp(2) in the container's seccomp profile (Docker's and Fargate's defaults do; gVisor does not)";
    return r;
}

ProbeResult privileges_probe() {
    ProbeResult r{"no-new-privs", Verdict::good, "", "", ""};
    const bool set = ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
    if (has_capability(CAP_SYS_ADMIN)) {
        r.found = "CAP_SYS_ADMIN is there";
        r.meaning = "the filter is installed without no_new_privs: setuid programs keep working";
        return r;
    }
    if (set) {
        r.found = "no_new_privs is set already";
        r.meaning = "setuid programs (sudo, su, ping) do not gain privileges, with or without us";
        return r;
    }
    r.verdict = Verdict::limited;
    std::string broken;
    for (const char* path : {"/usr/bin/sudo", "/usr/bin/su", "/bin/su", "/usr/bin/ping", "/bin/ping", "/usr/bin/newgrp"}) {
        struct stat s;
        if (::stat(path, &s) == 0 && (s.st_mode & S_ISUID)) broken += std::string(broken.empty() ? "" : " ") + path;
    }
    r.found = broken.empty() ? "no CAP_SYS_ADMIN; no setuid program found" : "no CAP_SYS_ADMIN; setuid programs: " + broken;
    r.meaning = "the filter needs no_new_privs, under which setuid programs run without their privileges";
    r.advice = broken.empty() ? "" : "use `--no-filter` (mode preload) if the workload needs these programs";
    return r;
}

struct Masked {
    const char* name;
    long nr;
    long args[4];
    int native;  // errno that the call gives where no filter stands before it; 0: success
};

// Calls whose answer to these arguments does not depend on privileges, so that another answer is a filter's.
constexpr Masked kMasked[] = {
    {"unshare", SYS_unshare, {0, 0, 0, 0}, 0},
    {"setns", SYS_setns, {-1, 0, 0, 0}, EBADF},
    {"mount", SYS_mount, {0, 0, 0, 0}, EFAULT},
    {"ptrace", SYS_ptrace, {0x4206, -1, 0, 0}, ESRCH},
    {"process_vm_readv", SYS_process_vm_readv, {-1, 0, 0, 0}, 0},
    {"process_vm_writev", SYS_process_vm_writev, {-1, 0, 0, 0}, 0},
    {"pidfd_open", SYS_pidfd_open, {-1, 0, 0, 0}, EINVAL},
    {"pidfd_getfd", 438, {-1, -1, 0, 0}, EBADF},
    {"memfd_create", SYS_memfd_create, {0, -1, 0, 0}, EINVAL},
    {"clone3", SYS_clone3, {0, 0, 0, 0}, EINVAL},
    {"keyctl", SYS_keyctl, {-1, 0, 0, 0}, EOPNOTSUPP},
    {"openat2", SYS_openat2, {-100, 0, 0, 0}, EINVAL},
    {"name_to_handle_at", SYS_name_to_handle_at, {-100, 0, 0, 0}, EFAULT},
};

ProbeResult outer_filter_probe() {
    ProbeResult r{"outer-filter", Verdict::good, "", "", ""};
    const std::string mode = status_value("Seccomp"), filters = status_value("Seccomp_filters");
    if (mode.empty() || mode == "0") {
        r.found = "no filter is installed";
        r.meaning = "every call of the workload reaches us";
        return r;
    }
    std::string hidden;
    for (const Masked& m : kMasked) {
        const ChildOutcome child = in_child([&] {
            const long v = ::syscall(m.nr, m.args[0], m.args[1], m.args[2], m.args[3]);
            const int error = v < 0 ? errno : 0;
            return error != m.native && (error == EPERM || error == ENOSYS || error == EACCES) ? 1 : 0;
        });
        if (!child.exited || child.code != 0) hidden += std::string(hidden.empty() ? "" : " ") + m.name;
    }
    r.found = filters.empty() ? "a filter is installed" : filters + " filter(s) installed";
    if (hidden.empty()) {
        r.meaning = "none of the calls tried is answered by it";
        return r;
    }
    r.verdict = Verdict::limited;
    r.found += "; it answers: " + hidden;
    r.meaning = "an outer filter that refuses a call outranks ours: attempts are seen through the shim only";
    r.advice = "nothing for most workloads: the calls fail. To see them from static programs too, allow them in the profile";
    return r;
}

}  // namespace

void probe_seccomp(std::vector<ProbeResult>& out) {
    out.push_back(notify_probe());
    out.push_back(privileges_probe());
    out.push_back(outer_filter_probe());
}

}  // namespace undercoat::cli
