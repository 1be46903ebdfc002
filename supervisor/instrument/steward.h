// The trap process: serves the traps, keeps the supervisor alive, hands it the rings, learns of deaths.
//
// It is a child of the init process (init.h), in a session of its own: it goes on while a terminal stops the workload, and
// after the workload's first process has ended as long as descendants are left. Must stay true: it is not dumpable, holds
// none of the workload's descriptors but stderr, and never waits for the supervisor while a call is held.
#pragma once

#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "supervisor/instrument/shared.h"

namespace undercoat::instrument {

// What init and the trap process tell each other, over a SOCK_SEQPACKET pair.
enum class ControlKind : uint32_t {
    up = 1,     // to init: the supervisor was started
    ready,      // to init: its rules are loaded
    listener,   // to the trap process: descriptor of the listener; value: the workload's first pid
    no_filter,  // to the trap process: preload mode; value: that pid
    ended,      // to the trap process: the first process has ended
    drained,    // to init: everything that happened before is written out
};
struct ControlMessage {
    ControlKind kind;
    int32_t value;
};
bool send_control(int socket, ControlMessage message, int fd = -1);
// 1: received (fd or -1 in *fd), 0: the other side is gone, -1: nothing yet.
int receive_control(int socket, ControlMessage& message, int* fd, bool wait);

struct StewardSettings {
    std::string supervisor;              // path; empty: none, records are kept until the ring is full
    std::vector<std::string> arguments;  // for the supervisor
    wire::CaptureMode mode;
    pid_t init_pid;
};

// Runs the trap process to its end. Returns its exit status.
int run_steward(Shared& shared, UniqueFd control, const StewardSettings& settings);

}  // namespace undercoat::instrument
