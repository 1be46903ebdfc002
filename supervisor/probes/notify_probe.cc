// See notify_probe.h.
#include "supervisor/probes/notify_probe.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/descriptor_message.h"
#include "base/unique_fd.h"
#include "supervisor/probes/child.h"

namespace undercoat::probes {
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
    const char byte = 0;
    return send_with_descriptors(socket, &byte, sizeof byte, &fd, 1);
}

UniqueFd receive_fd(int socket) {
    char byte = 0;
    UniqueFd fd;
    return receive_with_descriptor(socket, &byte, sizeof byte, fd) == 1 ? std::move(fd) : UniqueFd();
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

}  // namespace

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

}  // namespace undercoat::probes
