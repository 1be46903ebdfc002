// The meeting place: a unix socket where a process without a filter asks for its ring (handover.h, 2.).
//
// Must stay true: the owner of a ring is who the kernel says is at the other end; a peer that we cannot see, or of another
// mount name space, is refused, but where it may not be asked for; nobody waits for a slow peer.
#pragma once

#include <functional>
#include <string>
#include <sys/types.h>

#include "base/unique_fd.h"
#include "wire/local/handover.h"

namespace undercoat::instrument {

class MeetingPlace {
public:
    // Binds the first of kMeetingPlaces that can be had; one that another instrument serves gets our pid as a suffix.
    // False: none.
    // `before`: the path of a trap process whose place we take, which its processes know; empty: none.
    bool open(const std::string& before);
    // Whether somebody answers at this path.
    static bool served(const std::string& path);
    // Takes the socket's name away.
    void close();
    const std::string& path() const { return path_; }
    int socket() const { return socket_.get(); }
    // Accepts one peer. Returns its descriptor (to be watched), or an empty one. *peer 0: its request will say who it is.
    UniqueFd accept(pid_t* peer);
    // Reads the request of an accepted peer and answers it with the ring's descriptor, or with an error and none.
    using Serve = std::function<int(pid_t pid, wire::MeetKind what)>;  // descriptor, or -errno; kLater: no answer yet
    static constexpr int kLater = -4096;
    static void answer(int connection, pid_t peer, uint32_t mode, const Serve& serve);

private:
    bool bind_to(const std::string& path);
    UniqueFd socket_;
    std::string path_;
};

}  // namespace undercoat::instrument
