// See control.h.
#include "supervisor/instrument/control.h"

#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <sys/socket.h>

namespace undercoat::instrument {

bool send_control(int socket, const ControlMessage& message, int fd) {
    iovec part{const_cast<ControlMessage*>(&message), sizeof message};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr m{};
    m.msg_iov = &part;
    m.msg_iovlen = 1;
    if (fd >= 0) {
        m.msg_control = control;
        m.msg_controllen = sizeof control;
        cmsghdr* c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    ssize_t r;
    do r = sendmsg(socket, &m, MSG_NOSIGNAL);
    while (r < 0 && errno == EINTR);
    return r == static_cast<ssize_t>(sizeof message);
}

int receive_control(int socket, ControlMessage& message, int* fd, bool wait) {
    iovec part{&message, sizeof message};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr m{};
    m.msg_iov = &part;
    m.msg_iovlen = 1;
    m.msg_control = control;
    m.msg_controllen = sizeof control;
    *fd = -1;
    ssize_t r;
    do r = recvmsg(socket, &m, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
    while (r < 0 && errno == EINTR);
    if (r < 0) return errno == EAGAIN ? -1 : 0;
    if (r != static_cast<ssize_t>(sizeof message)) return 0;
    if (cmsghdr* c = CMSG_FIRSTHDR(&m); c && c->cmsg_type == SCM_RIGHTS) memcpy(fd, CMSG_DATA(c), sizeof *fd);
    return 1;
}

HandOver* map_hand_over() {
    void* p = mmap(nullptr, sizeof(HandOver), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? nullptr : static_cast<HandOver*>(p);
}

}  // namespace undercoat::instrument
