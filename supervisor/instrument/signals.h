// The signal state that we inherited, put aside while we run and given back to the workload.
#pragma once

#include <csignal>

namespace undercoat::instrument {

struct SignalState {
    sigset_t mask;
    struct sigaction actions[NSIG];
};

// Remembers mask and dispositions, sets every disposition to its default and blocks every signal.
SignalState take_signals();
// For the workload's child, before exec. Async-signal-safe.
void give_back_signals(const SignalState& state);

}  // namespace undercoat::instrument
