// Self-protection: which held calls are aimed at our own processes, and what they get instead.
//
// Must stay true: only calls whose target is one of ours in the caller's own pid name space are touched; everything else
// runs as it would. The init process takes every signal that it can pass on to the workload.
#pragma once

#include "supervisor/instrument/capture.h"

namespace undercoat::instrument {

struct Agents {
    pid_t init = 0, trap = 0, supervisor = 0, helper = 0, witness = 0;
    pid_t workload = 0;       // its first process, as far as init passes signals on to it
    bool deny = true;         // false: what is aimed at us is an event and nothing else
    bool deny_uring = false;  // io_uring_setup fails with ENOSYS, as where there is none: programs go another way
    // False: a seccomp listener of the workload would hide calls from us. It gets EBUSY, as beside a listener of ours.
    bool foreign_listeners = true;
    bool has(pid_t pid) const { return pid > 0 && (pid == init || pid == trap || pid == supervisor || pid == helper || pid == witness); }
};

struct Answer {
    enum Kind { proceed, fail, succeed } kind = proceed;
    int error = 0;
};

// kill(-1) is carried out here, sparing our processes, and answered with its result.
Answer guard(const HeldCall& c, const Agents& agents);

}  // namespace undercoat::instrument
