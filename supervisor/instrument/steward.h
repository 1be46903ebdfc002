// The trap process: serves the traps, keeps the supervisor alive, hands it the rings, learns of deaths.
//
// It is a child of the init process (init.h), in a session of its own: it goes on while a terminal stops the workload, and
// after the workload's first process has ended as long as descendants are left. Must stay true: it is not dumpable, holds
// none of the workload's descriptors but stderr, and never waits for the supervisor while a call is held.
#pragma once

#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "supervisor/instrument/control.h"
#include "supervisor/instrument/held_place.h"
#include "supervisor/instrument/protection.h"
#include "supervisor/instrument/shared.h"
#include "supervisor/instrument/vault.h"

namespace undercoat::instrument {

struct StewardSettings {
    std::string supervisor;              // path; empty: none, records are kept until the ring is full
    std::vector<std::string> arguments;  // for the supervisor
    std::string shim;                    // the path that LD_PRELOAD names; its opening by ld.so is no event
    wire::CaptureMode mode;
    pid_t init_pid;
    pid_t helper_pid;  // the process between us and a workload that we were started beside of; 0: we are its parent
    HandOver* hand_over;
    Protection protection{};
    Vault* vault = nullptr;
    pid_t witness_pid = 0;  // see witness.h; 0: none
};

// What a trap process that has died leaves to the next one.
struct Inheritance {
    bool again = false;
    UniqueFd listener;
    pid_t workload = -1;
    std::vector<Kept> kept;
};

// Runs the trap process to its end. Returns its exit status.
int run_steward(Shared& shared, UniqueFd control, const StewardSettings& settings, Inheritance left);

}  // namespace undercoat::instrument
