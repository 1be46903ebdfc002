// Messages of instrument, with their descriptors.
#include "supervisor/ingest/agent_link.h"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>

namespace undercoat::ingest {
namespace {

void take_fds(msghdr& m, AgentEvent& e) {
    size_t n = 0;
    for (cmsghdr* c = CMSG_FIRSTHDR(&m); c != nullptr; c = CMSG_NXTHDR(&m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
        const size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; ++i) {
            int fd;
            std::memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (n < e.fds.size()) e.fds[n++].reset(fd);
            else UniqueFd(fd).reset();
        }
    }
}

size_t fds_needed(uint32_t kind) {
    switch (static_cast<wire::AgentMessageKind>(kind)) {
        case wire::AgentMessageKind::hello: return 2;
        case wire::AgentMessageKind::ring:
        case wire::AgentMessageKind::listener: return 1;
        default: return 0;
    }
}

}  // namespace

std::optional<AgentEvent> AgentLink::receive() {
    if (!socket_ || closed_) return std::nullopt;
    AgentEvent e;
    iovec io{&e.message, sizeof e.message};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 8)];
    msghdr m{};
    m.msg_iov = &io;
    m.msg_iovlen = 1;
    m.msg_control = control;
    m.msg_controllen = sizeof control;
    const ssize_t n = recvmsg(socket_.get(), &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return std::nullopt;
    if (n <= 0) {
        closed_ = true;
        e.closed = true;
        return e;
    }
    take_fds(m, e);
    e.malformed = n != static_cast<ssize_t>(sizeof e.message) || m.msg_flags & MSG_CTRUNC;
    for (size_t i = 0; i < fds_needed(e.message.kind); ++i)
        if (!e.fds[i]) e.malformed = true;
    return e;
}

bool AgentLink::send(wire::AgentMessageKind kind, uint32_t value) {
    if (!socket_ || closed_) return false;
    const wire::AgentMessage m{static_cast<uint32_t>(kind), 0, 0, value};
    return ::send(socket_.get(), &m, sizeof m, MSG_DONTWAIT | MSG_NOSIGNAL) == static_cast<ssize_t>(sizeof m);
}

}  // namespace undercoat::ingest
