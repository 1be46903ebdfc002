// The duties of an init: the process that the outside sees as the workload.
//
// Must stay true: every signal sent to us reaches the workload exactly as often as it would have without us; we stop and
// continue with it; we end as it ended; as PID 1 we reap whatever the kernel gives us.
#pragma once

#include <functional>
#include <sys/types.h>

#include "supervisor/instrument/witness.h"

namespace undercoat::instrument {

// How the workload's first process ended: a wait status.
struct Ended {
    int status;
};

class InitDuties {
public:
    // `workload`: first process. `agent`: the trap process; when it ends first, `agent_died` starts another and returns it.
    InitDuties(pid_t workload, pid_t agent, Witness& witness, std::function<pid_t()> agent_died)
        : workload_(workload), agent_(agent), witness_(witness), agent_died_(std::move(agent_died)) {}
    // Forwards, reaps, stops and continues until the first process has ended. Signals must be blocked (signals.h).
    Ended run();

private:
    bool reap(Ended& ended);
    void forward(const siginfo_t& info);
    void stop_with(int signal);
    pid_t workload_, agent_;
    Witness& witness_;
    std::function<pid_t()> agent_died_;
};

// Ends this process as the workload ended: PID 1 exits with 128 + n for a signal, others die of the same one.
[[noreturn]] void end_like(int status);

}  // namespace undercoat::instrument
