// See signals.h.
#include "supervisor/instrument/signals.h"

namespace undercoat::instrument {

SignalState take_signals() {
    SignalState s{};
    sigset_t all;
    sigfillset(&all);
    // A file that may not grow is an error of a write. Not blocked: then it would wait for the workload.
    sigdelset(&all, SIGXFSZ);
    sigprocmask(SIG_SETMASK, &all, &s.mask);
    for (int i = 1; i < NSIG; ++i) {
        sigaction(i, nullptr, &s.actions[i]);
        if (i == SIGXFSZ) signal(i, SIG_IGN);
        else if (i != SIGKILL && i != SIGSTOP && s.actions[i].sa_handler != SIG_DFL) signal(i, SIG_DFL);
    }
    return s;
}

void give_back_signals(const SignalState& s) {
    for (int i = 1; i < NSIG; ++i)
        if (i == SIGXFSZ || (i != SIGKILL && i != SIGSTOP && s.actions[i].sa_handler != SIG_DFL))
            sigaction(i, &s.actions[i], nullptr);
    sigprocmask(SIG_SETMASK, &s.mask, nullptr);
}

}  // namespace undercoat::instrument
