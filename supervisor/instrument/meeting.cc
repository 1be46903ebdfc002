// See meeting.h.
#include "supervisor/instrument/meeting.h"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <dirent.h>
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

namespace {

// A directory that somebody else made is theirs to change.
bool is_ours(const std::string& directory) {
    struct stat st;
    return lstat(directory.c_str(), &st) == 0 && S_ISDIR(st.st_mode) && (st.st_uid == 0 || st.st_uid == geteuid()) &&
           ((st.st_mode & S_IWOTH) == 0 || (st.st_mode & S_ISVTX) != 0);
}

// Sockets of trap processes that were killed. A young one may be about to listen.
void remove_dead(const std::string& directory) {
    constexpr unsigned kMost = 256;
    constexpr time_t kYoung = 60;
    DIR* const d = opendir(directory.c_str());
    if (!d) return;
    unsigned looked_at = 0;
    while (const dirent* e = readdir(d)) {
        const std::string path = directory + "/" + e->d_name;
        struct stat st;
        if (strncmp(e->d_name, "meet.", 5) != 0 || path.ends_with(wire::kWordSuffix)) continue;
        if (++looked_at > kMost) break;
        if (lstat(path.c_str(), &st) != 0 || !S_ISSOCK(st.st_mode) || st.st_ctime + kYoung > time(nullptr)) continue;
        errno = 0;
        if (MeetingPlace::served(path) || errno != ECONNREFUSED) continue;
        unlink(path.c_str());
        unlink((path + wire::kWordSuffix).c_str());
    }
    closedir(d);
}

}  // namespace

bool MeetingPlace::open(const std::string& before) {
    if (!before.empty() && is_ours(before.substr(0, before.rfind('/'))) && bind_to(before)) return true;
    for (const char* place : wire::kMeetingPlaces) {
        const std::string path = place;
        const std::string directory = path.substr(0, path.rfind('/'));
        mkdir(directory.c_str(), 0755);
        if (!is_ours(directory)) continue;
        remove_dead(directory);
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
