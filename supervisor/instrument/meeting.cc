// See meeting.h.
#include "supervisor/instrument/meeting.h"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/descriptor_message.h"
#include "supervisor/instrument/fds.h"
#include "supervisor/instrument/target.h"
#include "wire/local/handover.h"

namespace undercoat::instrument {
namespace {

sockaddr_un address_of(const std::string& path) {
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    strncpy(a.sun_path, path.c_str(), sizeof a.sun_path - 1);
    return a;
}

// Of another user's processes (root enters a container of somebody else) the kernel does not show the name spaces.
bool may_meet(pid_t pid) {
    char path[64], target[64];
    if (same_namespace(pid, "ns/mnt")) return true;
    proc_path(path, sizeof path, pid, "ns/mnt");
    return readlink(path, target, sizeof target) < 0 && (errno == EACCES || errno == EPERM);
}

}  // namespace

bool MeetingPlace::served(const std::string& path) {
    const UniqueFd s(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const sockaddr_un a = address_of(path);
    return s && (connect(s.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0 || errno == EAGAIN);
}

bool MeetingPlace::bind_to(const std::string& path) {
    UniqueFd s(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const sockaddr_un a = address_of(path);
    if (!s) return false;
    if (bind(s.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a) != 0) {
        if (errno != EADDRINUSE || served(path) || unlink(path.c_str()) != 0) return false;
        if (bind(s.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a) != 0) return false;
    }
    chmod(path.c_str(), 0777);  // processes of every user of the container meet us here
    if (listen(s.get(), 128) != 0) {
        unlink(path.c_str());
        return false;
    }
    socket_ = move_high(std::move(s));
    path_ = path;
    return true;
}

bool MeetingPlace::open() {
    for (const char* place : wire::kMeetingPlaces) {
        const std::string path = place;
        mkdir(path.substr(0, path.rfind('/')).c_str(), 0755);
        if (bind_to(path) || bind_to(path + "." + std::to_string(getpid()))) return true;
    }
    return false;
}

void MeetingPlace::close() {
    if (!path_.empty()) unlink(path_.c_str());
    path_.clear();
    socket_.reset();
}

UniqueFd MeetingPlace::accept(pid_t* peer) {
    UniqueFd c(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!c) return c;
    ucred who{};
    socklen_t n = sizeof who;
    if (getsockopt(c.get(), SOL_SOCKET, SO_PEERCRED, &who, &n) != 0 || who.pid <= 0 || !may_meet(who.pid)) return {};
    *peer = who.pid;
    const int on = 1;
    if (who.pid == getpid()) {
        *peer = 0;
        setsockopt(c.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
    }
    return move_high(std::move(c));
}

namespace {

// Reads the request; `peer` gets the sender where the connection did not tell it. False: it is no request, or nobody's.
bool receive_request(int connection, wire::MeetRequest& request, pid_t& peer) {
    iovec part{&request, sizeof request};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))] = {};
    msghdr m{};
    m.msg_iov = &part;
    m.msg_iovlen = 1;
    m.msg_control = control;
    m.msg_controllen = sizeof control;
    if (recvmsg(connection, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != sizeof request) return false;
    if (peer != 0) return true;
    const cmsghdr* c = CMSG_FIRSTHDR(&m);
    if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS || c->cmsg_len < CMSG_LEN(sizeof(ucred))) return false;
    ucred who{};
    memcpy(&who, CMSG_DATA(c), sizeof who);
    peer = who.pid;
    return peer > 0 && may_meet(peer);
}

}  // namespace

void MeetingPlace::answer(int connection, pid_t peer, uint32_t mode, const Serve& serve) {
    wire::MeetRequest request{};
    if (!receive_request(connection, request, peer)) return;
    wire::MeetReply reply{wire::kRingMagic, wire::kAbi, 0, mode};
    int fd = -EPROTO;
    if (request.magic == wire::kRingMagic && request.abi == wire::kAbi) fd = serve(peer, static_cast<wire::MeetKind>(request.what));
    if (fd == kLater) return;
    if (fd < 0) reply.error = -fd;
    send_with_descriptors(connection, &reply, sizeof reply, &fd, fd >= 0, MSG_DONTWAIT);
}

}  // namespace undercoat::instrument
