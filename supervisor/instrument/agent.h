// The trap process as init sees it: started, talked to, replaced.
//
// Must stay true: init keeps the listener, so that no held call is lost when the trap process dies; of the shared memory it
// keeps no descriptor but in a vault, as the workload could open it through a PID 1 that is open to looks.
#pragma once

#include <string>

#include "supervisor/instrument/steward.h"

namespace undercoat::instrument {

class Agent {
public:
    explicit Agent(StewardSettings settings) : settings_(std::move(settings)) {}
    // Makes the shared memory and forks. Ok: the process serves; meet() is known.
    Status start();
    // Passes the workload's filter on. `listener` may be empty (preload mode).
    void serve(UniqueFd listener, pid_t workload);
    // Makes the trap process the tracer of the workload. 0, or the errno of why not.
    int trace(pid_t workload, bool every_call);
    // Waits until the rules are loaded. False: the trap process died.
    bool wait_ready();
    // The first process has ended: waits until everything is written out. `everything`: all others will end, too.
    void finish(bool everything);
    // After its death: another one, which goes on with its memory and its held calls. Returns its pid, -1 on failure.
    pid_t replace();
    pid_t pid() const { return pid_; }
    const std::string& meet() const { return meet_; }

private:
    bool await(ControlKind kind, ControlMessage& message);
    Status start_one(bool again);
    pid_t let_all_pass(const std::string& why);
    [[noreturn]] void become_steward(Result<Shared> shared, UniqueFd control, bool again);
    StewardSettings settings_;
    pid_t pid_ = -1, workload_ = -1;
    UniqueFd control_, listener_;
    Vault vault_;
    std::string meet_;
};

}  // namespace undercoat::instrument
