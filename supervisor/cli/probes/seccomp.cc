// Probes of seccomp: can we be told of system calls, and what does a filter that is already there hide from us?
#include "supervisor/cli/probes/probe.h"

#include "base/unique_fd.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

namespace undercoat::cli {
namespace {

// Sends getppid to a listener, lets everything else through.
int install_listener(unsigned flags) {
    sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
    if (!has_capability(CAP_SYS_ADMIN)) ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return static_cast<int>(
        ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER | flags, &program));
}

bool send_fd(int socket, int fd) {
    char byte = 0;
    iovec io{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr m{};
    m.msg_iov = &io;
    m.msg_iovlen = 1;
    m.msg_control = control;
    m.msg_controllen = sizeof control;
    cmsghdr* c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(c), &fd, sizeof fd);
    return ::sendmsg(socket, &m, 0) == 1;
}

UniqueFd receive_fd(int socket) {
    char byte = 0;
    iovec io{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr m{};
    m.msg_iov = &io;
    m.msg_iovlen = 1;
    m.msg_control = control;
    m.msg_controllen = sizeof control;
    if (::recvmsg(socket, &m, MSG_CMSG_CLOEXEC) != 1) return {};
    const cmsghdr* c = CMSG_FIRSTHDR(&m);
    if (!c || c->cmsg_type != SCM_RIGHTS) return {};
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(c), sizeof fd);
    return UniqueFd(fd);
}

// Answers one notification with CONTINUE. False when none comes or the kernel refuses.
bool answer_one(int listener) {
    pollfd p{listener, POLLIN, 0};
    if (::poll(&p, 1, 1000) != 1) return false;
    alignas(8) std::array<char, 512> request_bytes{};
    auto* request = reinterpret_cast<seccomp_notif*>(request_bytes.data());
    if (::ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, request) != 0) return false;
    seccomp_notif_resp answer{};
    answer.id = request->id;
    answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    return ::ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) == 0;
}

// 0: a trapped call was continued. Else the errno of the step that failed.
int try_notify(unsigned flags) {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return errno;
    UniqueFd ours(pair[0]), theirs(pair[1]);
    const pid_t pid = ::fork();
    if (pid < 0) return errno;
    if (pid == 0) {
        const int listener = install_listener(flags);
        if (listener < 0) ::_exit(errno > 0 && errno < 200 ? errno : 200);
        if (!send_fd(theirs.get(), listener)) ::_exit(201);
        ::close(listener);
        ::_exit(::syscall(SYS_getppid) > 0 ? 0 : 202);
    }
    theirs.reset();
    UniqueFd listener = receive_fd(ours.get());
    const bool answered = listener && answer_one(listener.get());
    listener.reset();
    const ChildOutcome child = wait_child(pid);
    if (!child.exited) return EIO;
    return child.code == 0 && !answered ? EIO : child.code;
}

ProbeResult notify_probe() {
    ProbeResult r{"seccomp-notify", Verdict::good, "", "", ""};
    const int error = try_notify(0);
    if (error == 0) {
        const bool killable = try_notify(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) == 0;
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
