// Descriptors that outlive the process that made them: they wait in the queue of a socket.
//
// init holds the socket's both ends and none of the descriptors, which the workload could open through a PID 1 that is open to
// looks; a socket cannot be opened that way. Must stay true: what is kept is in the queue at every moment, whoever dies: it
// is written again before the older copy is taken out. One process at a time uses it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/unique_fd.h"

namespace undercoat::instrument {

// Shared memory: the ring of a registry slot, or the registry itself.
inline constexpr uint32_t kRegistryItem = UINT32_MAX;
struct VaultItem {
    uint32_t slot;
    uint32_t ring_id;
    int fd;
};
struct Kept {
    uint32_t slot;
    uint32_t ring_id;
    UniqueFd fd;
};

class Vault {
public:
    bool open();
    // False: the queue is full; replace() makes room.
    bool keep(const VaultItem& item);
    // Keeps these and nothing else.
    bool replace(std::span<const VaultItem> items);
    // Duplicates of everything that is kept, the oldest first.
    std::vector<Kept> look();

private:
    bool send(std::span<const VaultItem> items);
    // Takes the first message out, or only looks at it. False: the queue is empty, or the message is of `but_not`.
    bool receive(std::vector<Kept>* out, bool look, int32_t but_not = 0);
    UniqueFd in_, out_;
    size_t messages_ = 0;  // that this process knows to be in the queue
};

}  // namespace undercoat::instrument
