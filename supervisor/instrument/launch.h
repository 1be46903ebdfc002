// Starts the workload's first process: environment, filter, exec.
//
// Must stay true: the process gets the descriptors, directory, signal state, limits and process group that we were given;
// between the filter and the exec it makes no call that the filter traps (a unit test holds the list).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "supervisor/instrument/filter.h"
#include "supervisor/instrument/options.h"
#include "supervisor/instrument/signals.h"

namespace undercoat::instrument {

struct LaunchPlan {
    std::string path;
    std::vector<std::string> argv;
    bool filter = true;
    bool filter_required = false;  // without it do not start (--mode full, trap)
    TrapKind trap = TrapKind::automatic;
    FilterSpec spec;
    pid_t tracer = 0;              // who may become it
    std::function<int(pid_t pid, bool every_call)> trace;  // makes it so: 0, or an errno
    std::string shim;  // empty: no preload
    std::string meet;  // where to meet us without a filter; empty: nowhere
};

struct Launched {
    pid_t pid = -1;
    TrapKind held_by = TrapKind::automatic;  // automatic: nobody, calls are not held
    UniqueFd listener;  // with TrapKind::notify
    bool no_new_privs = false;
    int filter_error = 0;  // why nobody holds calls; with a tracer, why there is no listener
};

// Forks. The child's exec error is its own message and exit status (126, 127).
Launched launch(const LaunchPlan& plan, const SignalState& signals);

// The environment with our additions, as handover.h describes them. `environment`: NULL-terminated.
std::vector<std::string> with_additions(char* const* environment, const std::string& shim, const std::string& meet);

}  // namespace undercoat::instrument
