// A process of ours in the workload's process group that notes which signals it gets: init gets a copy, too, of a signal that somebody
// sends to the whole group or to everybody, and must not pass on what the workload has got already.
//
// Must stay true: in doubt a signal counts as sent to init alone; one that comes twice is better than one that is lost. The witness
// holds no descriptor and no directory, and dies with init.
#pragma once

#include <csignal>
#include <cstdint>
#include <sys/types.h>

namespace undercoat::instrument {

class Witness {
public:
    // Forks it; all signals must be blocked. Without it nothing is ever shared.
    void start();
    pid_t pid() const { return pid_; }
    // Ends it and reaps it.
    void stop();
    // It has been reaped.
    void gone() { pid_ = 0; }
    // Whether the signal that init has just taken went to the witness as well. Waits until the witness has noted what it got, a
    // fifth of a second at most.
    bool shares(const siginfo_t& info);

private:
    struct Note {
        uint64_t time;  // of the last one: CLOCK_MONOTONIC, ns
        int32_t sender;
        uint32_t count;
    };
    [[noreturn]] void watch();
    bool settled() const;
    pid_t pid_ = 0;
    Note* notes_ = nullptr;  // by signal; shared memory
    uint32_t used_[NSIG] = {};  // of the counts
};

}  // namespace undercoat::instrument
