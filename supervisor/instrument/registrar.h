// Makes rings, gives them to processes, hands them to the supervisor, takes them back.
//
// Must stay true: the trap loop never waits for the supervisor here: what cannot be handed over at once is handed over by
// sweep(); a ring belongs to the process that the kernel named; a refused request is counted and harmless.
#pragma once

#include <atomic>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "supervisor/instrument/shared.h"
#include "supervisor/instrument/trap_backend.h"
#include "wire/local/handover.h"

namespace undercoat::instrument {

class Registrar {
public:
    // `vault`: where the rings are kept for another trap process; null: nowhere.
    Registrar(Shared& shared, wire::CaptureMode mode, Vault* vault = nullptr);

    // Takes up the rings of a trap process that has died, before anybody asks for one.
    void restore(std::vector<Kept> kept);
    // Whose they are, and the slot of the one that belongs to this process; 0: none is left.
    struct Owner {
        pid_t pid;
        uint64_t start_time;
    };
    std::vector<Owner> owners_left();
    uint32_t ring_left(pid_t pid, uint64_t start_time);

    // The magic openat of handover.h.
    static bool is_request(const Trap& trap);
    // A new ring for a process: its registry slot, or -1 (counted). *fd is valid until the slot is swept.
    // `file`: see make_ring().
    int make(pid_t pid, uint64_t start_time, int* fd, UniqueFd file = {});
    // Its process died or called exec: what is in the ring is still to be read.
    void orphan(uint32_t slot);
    // Its writers may not read the time stamp counter from now on: they record nothing and let everything trap.
    void forbid_clock(uint32_t slot);
    // Tells the writers of this ring that the program has confined itself.
    void seal(uint32_t slot);
    // Where a ring's writers stand, for Tag::order.
    bool head_of(uint32_t slot, wire::Order& out);

    // The supervisor's socket, -1 while there is none. A new supervisor is handed every ring.
    void set_supervisor(int socket);
    // Hands over what is waiting and frees what is drained. Cheap when there is nothing to do.
    void sweep();

private:
    bool hand_over(uint32_t slot);
    void keep(uint32_t slot);
    bool keep_the_living();
    void let_go(uint32_t slot);
    Shared& shared_;
    Vault* vault_;
    std::unordered_map<pid_t, uint32_t> left_;  // owners of restored rings that were not heard of since
    size_t kept_dead_ = 0;                     // rings in the vault that nobody needs any more
    wire::CaptureMode mode_;
    std::mutex mutex_;
    std::vector<MappedRing> rings_;       // by slot
    std::vector<bool> handed_;            // by slot
    uint32_t top_ = 1;                    // slots above were never used
    uint32_t next_id_ = kTrapRingId + 1;
    std::atomic<int> supervisor_{-1};
    std::atomic<bool> work_{false};
};

// Sends a message with descriptors; never blocks. False: not sent.
bool send_message(int socket, const wire::AgentMessage& message, const int* fds, size_t n);

}  // namespace undercoat::instrument
