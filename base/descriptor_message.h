// One message over a Unix socket, with descriptors beside it (unix(7), SCM_RIGHTS).
//
// Must stay true: allocates nothing and takes no lock, so that a child may call it between fork and exec; EINTR is retried; what
// is received is close-on-exec, and what does not fit is closed by the kernel.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <sys/socket.h>

#include "base/unique_fd.h"

namespace undercoat {

inline constexpr size_t kMostDescriptors = 4;  // of one message

// Sends `size` bytes at `data` and `n` descriptors, at most kMostDescriptors. `flags`: of sendmsg; never raises SIGPIPE. False:
// not sent whole, errno says why.
inline bool send_with_descriptors(int socket, const void* data, size_t size, const int* fds, size_t n, int flags = 0) {
    iovec part{const_cast<void*>(data), size};
    alignas(cmsghdr) char control[CMSG_SPACE(kMostDescriptors * sizeof(int))] = {};
    msghdr m{};
    m.msg_iov = &part;
    m.msg_iovlen = 1;
    if (n > kMostDescriptors) {
        errno = EINVAL;
        return false;
    }
    if (n != 0) {
        m.msg_control = control;
        m.msg_controllen = CMSG_SPACE(n * sizeof(int));
        cmsghdr* c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n * sizeof(int));
        memcpy(CMSG_DATA(c), fds, n * sizeof(int));
    }
    ssize_t r;
    do r = sendmsg(socket, &m, flags | MSG_NOSIGNAL);
    while (r < 0 && errno == EINTR);
    return r == static_cast<ssize_t>(size);
}

// Receives up to `size` bytes and at most one descriptor, into `fd`, which is empty when none came. Returns what recvmsg does.
inline ssize_t receive_with_descriptor(int socket, void* data, size_t size, UniqueFd& fd, int flags = 0) {
    iovec part{data, size};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr m{};
    m.msg_iov = &part;
    m.msg_iovlen = 1;
    m.msg_control = control;
    m.msg_controllen = CMSG_LEN(sizeof(int));  // in the padding there would be room for a second, which nobody would close
    fd.reset();
    ssize_t r;
    do r = recvmsg(socket, &m, flags | MSG_CMSG_CLOEXEC);
    while (r < 0 && errno == EINTR);
    const cmsghdr* c = r < 0 ? nullptr : CMSG_FIRSTHDR(&m);
    if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len < CMSG_LEN(sizeof(int))) return r;
    int got = -1;
    memcpy(&got, CMSG_DATA(c), sizeof got);
    fd.reset(got);
    return r;
}

}  // namespace undercoat
