// What the calls about sockets, identities, name spaces and processes will return.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "supervisor/instrument/infer.h"
#include "supervisor/instrument/target.h"

namespace undercoat::instrument {
namespace {

using wire::Call;

constexpr uint32_t kSame = UINT32_MAX;  // "leave this id" of the setres family

// The number that the caller's next descriptor gets: the lowest free one. A success of unknown number where another thread
// may come first.
Verdict next_fd(const HeldCall& c) {
    constexpr nlink_t kOneThread = 3;  // "task" has itself, its parent and one directory
    struct stat tasks{};
    if (!stat_proc(c.pid, "task", tasks) || tasks.st_nlink != kOneThread) return inferred_fd();
    const int fd = open_proc(c.pid, "fd", O_RDONLY | O_DIRECTORY);
    if (fd < 0) return inferred_fd();
    DIR* const open_ones = fdopendir(fd);
    if (!open_ones) {
        close(fd);
        return inferred_fd();
    }
    int lowest = 0;  // the kernel lists them in order
    while (const dirent* e = readdir(open_ones))
        if (e->d_name[0] != '.' && std::atoi(e->d_name) == lowest) ++lowest;
    closedir(open_ones);
    return inferred(lowest);
}

Verdict new_socket(const HeldCall& c, const Credentials& who) {
    const int domain = c.as_int(0), type = c.as_int(1), protocol = c.as_int(2);
    const int kind = type & 0xf;
    const bool raw = domain == AF_PACKET || ((domain == AF_INET || domain == AF_INET6) && kind == SOCK_RAW);
    if (raw && !who.has(kCapNetRaw)) return inferred_error(EPERM);
    // Closing a packet socket of our own would take the kernel tens of milliseconds, longer than a trap may.
    if (domain == AF_PACKET) {
        const bool known = kind == SOCK_RAW || kind == SOCK_DGRAM || kind == 10;  // SOCK_PACKET
        return known ? next_fd(c) : inferred_error(ESOCKTNOSUPPORT);
    }
    // The same question to the kernel, asked by us.
    const UniqueFd probe(socket(domain, (type & ~0xff) == 0 ? kind | SOCK_CLOEXEC : type | SOCK_CLOEXEC, protocol));
    return probe ? next_fd(c) : inferred_error(errno);
}

bool one_of(uint32_t id, uint32_t a, uint32_t b, uint32_t c) { return id == kSame || id == a || id == b || id == c; }

Verdict needs(const Credentials& who, Capability cap) {
    return who.has(cap) ? unknown_result() : inferred_error(EPERM);
}

Verdict identity(const HeldCall& c, const Credentials& w) {
    const auto id = [&](unsigned i) { return static_cast<uint32_t>(c.args[i]); };
    const auto uid_ok = [&](unsigned i) { return w.has(kCapSetuid) || one_of(id(i), w.uid, w.euid, w.suid); };
    const auto gid_ok = [&](unsigned i) { return w.has(kCapSetgid) || one_of(id(i), w.gid, w.egid, w.sgid); };
    switch (static_cast<Call>(c.call)) {
        case Call::setuid: return id(0) == kSame ? inferred_error(EINVAL) : inferred(uid_ok(0) ? 0 : -EPERM);
        case Call::setgid: return id(0) == kSame ? inferred_error(EINVAL) : inferred(gid_ok(0) ? 0 : -EPERM);
        case Call::setreuid: return inferred(uid_ok(0) && uid_ok(1) ? 0 : -EPERM);
        case Call::setregid: return inferred(gid_ok(0) && gid_ok(1) ? 0 : -EPERM);
        case Call::setresuid: return inferred(uid_ok(0) && uid_ok(1) && uid_ok(2) ? 0 : -EPERM);
        case Call::setresgid: return inferred(gid_ok(0) && gid_ok(1) && gid_ok(2) ? 0 : -EPERM);
        case Call::setfsuid: return inferred(w.fsuid);
        case Call::setfsgid: return inferred(w.fsgid);
        default: return inferred(w.has(kCapSetgid) ? 0 : -EPERM);  // setgroups
    }
}

bool is_open(pid_t tid, int fd) {
    char what[24], link[8];
    snprintf(what, sizeof what, "fd/%d", fd);
    return fd >= 0 && read_link(tid, what, link, sizeof link) != 0;
}

// dup and F_DUPFD take the lowest free number: below 3 it can be told.
Verdict duplicate(const HeldCall& c, int lowest) {
    if (!is_open(c.tid, c.as_int(0))) return inferred_error(EBADF);
    for (int fd = lowest; fd <= 2; ++fd)
        if (!is_open(c.tid, fd)) return inferred(fd);
    return inferred_fd();
}

Verdict duplicate_onto(const HeldCall& c) {
    if (!is_open(c.tid, c.as_int(0))) return inferred_error(EBADF);
    const bool dup3_same = c.call == static_cast<uint16_t>(Call::dup3) && c.as_int(0) == c.as_int(1);
    return dup3_same ? inferred_error(EINVAL) : inferred(c.as_int(1));
}

Verdict signal_call(const HeldCall& c, const Credentials& who) {
    const int target = c.as_int(0);
    if (target <= 0 || who.euid != 0) return unknown_result();
    return ::kill(target, 0) == 0 ? inferred(0) : inferred_error(errno);
}

Verdict prctl_call(const HeldCall& c) {
    switch (c.as_int(0)) {
        case PR_SET_NAME: case PR_SET_CHILD_SUBREAPER: case PR_SET_NO_NEW_PRIVS: return inferred(0);
        case PR_SET_DUMPABLE: return inferred(c.args[1] <= 1 ? 0 : -EINVAL);
        default: return unknown_result();
    }
}

Verdict unshare_call(const HeldCall& c, const Credentials& who) {
    constexpr uint64_t kFree = CLONE_FILES | CLONE_FS | CLONE_SYSVSEM;
    if ((c.args[0] & ~kFree) == 0) return inferred(0);
    return c.args[0] & CLONE_NEWUSER ? unknown_result() : inferred(who.has(kCapSysAdmin) ? 0 : -EPERM);
}

// A socket of the file system: is there one, and may the caller write to it? Whether somebody listens is not known.
Verdict connect_to_path(const Question& q) {
    char path[sizeof q.captured.address + 1] = {};
    constexpr size_t kHead = offsetof(sockaddr_un, sun_path);
    const size_t n = q.captured.address_length;
    sa_family_t family = AF_UNSPEC;
    if (n <= kHead || n > sizeof(sockaddr_un)) return unknown_result();
    memcpy(&family, q.captured.address, sizeof family);
    memcpy(path, q.captured.address + kHead, n - kHead);
    if (family != AF_UNIX || path[0] == 0) return unknown_result();
    const Found there = q.view.look_up(AT_FDCWD, path, true);
    if (there.unknown) return unknown_result();
    if (!there) return inferred_error(there.error);
    if (const int error = q.view.access(there, W_OK)) return inferred_error(error);
    return S_ISSOCK(there.st.st_mode) ? unknown_result() : inferred_error(ECONNREFUSED);
}

}  // namespace

Verdict infer_socket_call(const Question& q) {
    const HeldCall& c = q.call;
    const SocketFacts& s = q.socket;
    if (static_cast<Call>(c.call) == Call::socket) return new_socket(c, q.view.credentials());
    if (!s.known) return unknown_result();
    if (s.bad_descriptor) return inferred_error(EBADF);
    if (!s.is_socket) return inferred_error(ENOTSOCK);
    const bool stream = s.type == SOCK_STREAM || s.type == SOCK_SEQPACKET;
    const bool inet = s.family == AF_INET || s.family == AF_INET6;
    switch (static_cast<Call>(c.call)) {
        case Call::listen: return stream ? inferred(0) : inferred_error(EOPNOTSUPP);
        case Call::connect:
            if (s.family == AF_UNIX) return connect_to_path(q);
            if (inet && stream && s.non_blocking) return inferred_error(EINPROGRESS);
            return inet && !stream ? inferred(0) : unknown_result();
        default: return unknown_result();
    }
}

Verdict infer_process_call(const Question& q) {
    const HeldCall& c = q.call;
    const Credentials& who = q.view.credentials();
    switch (static_cast<Call>(c.call)) {
        case Call::setuid: case Call::setgid: case Call::setreuid: case Call::setregid: case Call::setresuid:
        case Call::setresgid: case Call::setfsuid: case Call::setfsgid: case Call::setgroups: return identity(c, who);
        case Call::dup: return duplicate(c, 0);
        case Call::fcntl: return duplicate(c, c.as_int(2));
        case Call::dup2: case Call::dup3: return duplicate_onto(c);
        case Call::unshare: return unshare_call(c, who);
        case Call::setns: case Call::mount: case Call::umount2: case Call::pivot_root: case Call::fsopen:
        case Call::fsmount: case Call::move_mount: case Call::mount_setattr: return needs(who, kCapSysAdmin);
        case Call::init_module: case Call::finit_module: case Call::delete_module: return needs(who, kCapSysModule);
        case Call::kexec_load: return needs(who, kCapSysBoot);
        case Call::open_by_handle_at: return needs(who, kCapDacReadSearch);
        case Call::memfd_create: return inferred_fd();
        case Call::ptrace: return c.as_int(0) == PTRACE_TRACEME ? inferred(0) : unknown_result();
        case Call::kill: case Call::tkill: case Call::tgkill: return signal_call(c, who);
        case Call::prctl: return prctl_call(c);
        case Call::seccomp:
            if (c.args[0] == SECCOMP_SET_MODE_FILTER && c.args[1] & SECCOMP_FILTER_FLAG_NEW_LISTENER)
                return inferred_error(EBUSY);
            return unknown_result();
        default: return unknown_result();
    }
}

}  // namespace undercoat::instrument
