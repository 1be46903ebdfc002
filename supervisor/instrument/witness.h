// Tells a signal that was sent to init's whole process group from one that was sent to init alone.
//
// kill(-group) reaches the workload without our help, and siginfo does not say who else got the signal. So a child of ours
// lives in our group, keeps every signal blocked, and is asked whether the same signal is pending there.
// Must stay true: when in doubt (the child is gone, stopped, in another group) the answer is "not seen": a signal that
// arrives twice is better than one that is lost. The kernel puts younger members first, so the witness has a group's
// signal before init has.
#pragma once

#include <sys/types.h>

#include "base/unique_fd.h"

namespace undercoat::instrument {

class Witness {
public:
    Witness() = default;
    Witness(const Witness&) = delete;
    Witness& operator=(const Witness&) = delete;
    ~Witness() { stop(); }
    // Forks the child. Call with every signal blocked. Failure: saw() is false for ever.
    void start();
    void stop();
    // Whether the witness got `signal` from `sender` too; takes it from there. Waits up to 100 ms for the answer.
    bool saw(int signal, pid_t sender);
    // Reaped by init's own wait: the child is to be replaced at the next question.
    void died() { pid_ = -1; }
    pid_t pid() const { return pid_; }

private:
    pid_t pid_ = -1;
    UniqueFd socket_;
};

}  // namespace undercoat::instrument
