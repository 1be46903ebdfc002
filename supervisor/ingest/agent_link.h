// The socket to instrument (wire/local/handover.h, part 3).
//
// Must stay true: receiving never blocks; a message of the wrong size or with missing descriptors is an error of that
// message only, and its descriptors are closed; when instrument is gone, that is said once as Event::closed.
#pragma once

#include "base/unique_fd.h"
#include "wire/local/handover.h"

#include <array>
#include <optional>

namespace undercoat::ingest {

struct AgentEvent {
    bool closed = false;     // instrument is gone
    bool malformed = false;
    wire::AgentMessage message{};
    std::array<UniqueFd, 2> fds;
};

class AgentLink {
public:
    explicit AgentLink(UniqueFd socket) : socket_(std::move(socket)) {}
    int fd() const { return socket_.get(); }
    // The next message, if there is one.
    std::optional<AgentEvent> receive();
    // Best effort: false if instrument does not take it.
    bool send(wire::AgentMessageKind kind, uint32_t value = 0);

private:
    UniqueFd socket_;
    bool closed_ = false;
};

}  // namespace undercoat::ingest
