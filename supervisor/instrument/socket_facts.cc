// See socket_facts.h.
#include "supervisor/instrument/socket_facts.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "supervisor/instrument/fds.h"
#include "supervisor/instrument/reach.h"
#include "supervisor/instrument/target.h"

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

namespace undercoat::instrument {
namespace {

using wire::ArgKind;
using wire::Tag;

int option(int fd, int name) {
    int v = 0;
    socklen_t n = sizeof v;
    return getsockopt(fd, SOL_SOCKET, name, &v, &n) == 0 ? v : 0;
}

uint32_t copy_name(int r, const sockaddr_storage& from, socklen_t n, uint8_t* to, size_t capacity) {
    if (r != 0) return 0;
    memcpy(to, &from, std::min<size_t>({n, sizeof from, capacity}));
    return n;
}

// A bound socket has a port already.
bool unbound(const wire::SocketInfo& s) {
    uint16_t port = 0;
    memcpy(&port, s.local + offsetof(sockaddr_in, sin_port), sizeof port);
    return port == 0;
}

// With errno where there is none.
UniqueFd duplicate_of(pid_t pid, int number) {
    const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    if (!pidfd) return {};
    const auto take = [&] { return UniqueFd(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd.get(), number, 0))); };
    UniqueFd fd = take();
    return !fd && errno == EPERM && take_reach(pid) ? take() : std::move(fd);
}

// The calling thread of ours, in the network name space of `tid` while this lives.
class Visit {
public:
    explicit Visit(pid_t tid) {
        static const UniqueFd own = move_high(UniqueFd(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)));
        char theirs[64], ours[64];
        const size_t n = read_link(tid, "ns/net", theirs, sizeof theirs);
        there_ = n != 0 && n == read_link(gettid(), "ns/net", ours, sizeof ours) && memcmp(theirs, ours, n) == 0;
        if (there_ || n == 0 || !own) return;
        const UniqueFd fd(open_proc(tid, "ns/net", O_RDONLY));
        if (fd && setns(fd.get(), CLONE_NEWNET) == 0) there_ = true, back_ = own.get();
    }
    ~Visit() {
        if (back_ >= 0) setns(back_, CLONE_NEWNET);
    }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;
    explicit operator bool() const { return there_; }

private:
    bool there_ = false;
    int back_ = -1;
};

void put_route(const HeldCall& c, const Captured& found, const wire::SocketInfo& s, wire::PayloadWriter& out) {
    sockaddr_storage to{}, from{};
    const size_t n = std::min(found.address_length, sizeof(sockaddr_in6));
    memcpy(&to, found.address, n);
    if (n < sizeof(sockaddr_in) || to.ss_family != s.family) return;
    const Visit visit(c.tid);
    if (!visit) return;
    const UniqueFd probe(socket(s.family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    socklen_t size = sizeof from;
    if (!probe || connect(probe.get(), reinterpret_cast<sockaddr*>(&to), static_cast<socklen_t>(n)) != 0) return;
    if (getsockname(probe.get(), reinterpret_cast<sockaddr*>(&from), &size) != 0) return;
    reinterpret_cast<sockaddr_in*>(&from)->sin_port = 0;  // the probe's own; sin6_port lies at the same place
    out.put(Tag::local, 0, &from, size);
}

}  // namespace

bool about_socket(const HeldCall& c) {
    const wire::CallInfo& info = c.info();
    switch (static_cast<wire::Call>(c.call)) {
        case wire::Call::listen: return true;
        // A duplicate onto a standard stream may be of a socket.
        case wire::Call::dup: case wire::Call::dup2: case wire::Call::dup3: case wire::Call::fcntl: {
            char link[8];
            return read_fd_link(c.tid, c.as_int(0), link, sizeof link) >= 7 && memcmp(link, "socket:", 7) == 0;
        }
        default: break;
    }
    if (info.nargs == 0 || info.args[0] != ArgKind::fd) return false;
    return std::any_of(info.args, info.args + info.nargs,
                       [](ArgKind k) { return k == ArgKind::sockaddr || k == ArgKind::outaddr; });
}

void look_at_socket(const HeldCall& c, const Captured& found, wire::PayloadWriter& out, SocketFacts& facts) {
    const UniqueFd fd = duplicate_of(c.pid, c.as_int(0));
    if (!fd) {
        facts.known = facts.bad_descriptor = errno == EBADF;
        return;
    }
    facts.known = true;
    wire::SocketInfo s{};
    int type = 0;
    socklen_t n = sizeof type;
    if (getsockopt(fd.get(), SOL_SOCKET, SO_TYPE, &type, &n) != 0) return;
    facts.is_socket = true;
    facts.type = s.type = type;
    facts.family = s.family = option(fd.get(), SO_DOMAIN);
    s.protocol = option(fd.get(), SO_PROTOCOL);
    facts.non_blocking = fcntl(fd.get(), F_GETFL) & O_NONBLOCK;
    sockaddr_storage name{};
    n = sizeof name;
    int r = getsockname(fd.get(), reinterpret_cast<sockaddr*>(&name), &n);
    s.local_len = copy_name(r, name, n, s.local, sizeof s.local);
    n = sizeof name;
    r = getpeername(fd.get(), reinterpret_cast<sockaddr*>(&name), &n);
    s.peer_len = copy_name(r, name, n, s.peer, sizeof s.peer);
    out.put(Tag::socket, 0, &s, sizeof s);
    const bool inet = s.family == AF_INET || s.family == AF_INET6;
    if (inet && static_cast<wire::Call>(c.call) == wire::Call::connect && unbound(s)) put_route(c, found, s, out);
}

void look_at_ends(const wire::RecordHeader& h, int64_t result, std::vector<uint8_t>& payload) {
    const auto call = static_cast<wire::Call>(h.call);
    const bool accepts = (call == wire::Call::accept || call == wire::Call::accept4) && result >= 0;
    const bool of_argument = (call == wire::Call::connect && (result == 0 || result == -EINPROGRESS)) || (call == wire::Call::listen && result == 0);
    uint64_t number = static_cast<uint64_t>(result);
    if (of_argument && payload.size() >= wire::PayloadWriter::tlv(sizeof number))  // the first of the registers, which come first
        memcpy(&number, payload.data() + wire::PayloadWriter::tlv(0), sizeof number);
    else if (!accepts) return;
    const UniqueFd fd = duplicate_of(static_cast<pid_t>(h.pid), static_cast<int>(number));
    if (!fd) return;
    uint8_t more[2 * wire::PayloadWriter::tlv(sizeof(sockaddr_in6))];
    wire::PayloadWriter out(more, more + sizeof more);
    const auto put = [&](Tag tag, auto ask) {
        sockaddr_storage name{};
        socklen_t n = sizeof name;
        if (ask(fd.get(), reinterpret_cast<sockaddr*>(&name), &n) != 0 || (name.ss_family != AF_INET && name.ss_family != AF_INET6)) return;
        out.put(tag, 0, &name, n);
    };
    put(Tag::local, getsockname);
    if (accepts) put(Tag::peer, getpeername);
    if (payload.size() + out.size() <= wire::kMaxRecord - wire::kHeaderSize) payload.insert(payload.end(), more, more + out.size());
}

}  // namespace undercoat::instrument
