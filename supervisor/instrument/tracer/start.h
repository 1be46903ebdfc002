// Starts the ptrace back end with what this kernel can do.
#pragma once

#include <memory>

#include "supervisor/instrument/handler.h"
#include "supervisor/instrument/tracer/ptrace_backend.h"

namespace undercoat::instrument {

struct TracePlan {
    bool gadget;      // calls from the gadget page are not of interest
    pid_t init_pid;   // to be protected, like the calling process
    bool every_call;  // there is no filter
};

// The back end, its thread running, nobody traced yet; nullptr: no thread could be started. It serves by `handler`, which is
// told what it can say.
std::unique_ptr<PtraceBackend> start_tracer(Handler& handler, const TracePlan& plan);

}  // namespace undercoat::instrument
