// What stops a call of the workload before it runs, and lets it go on: the one interface that the trap loop knows.
//
// Must stay true: every trap that next() gave out is answered exactly once with effect, by anybody, in any order; a second
// answer is harmless. proceed(), fail() and give_fd() may be called by any thread.
#pragma once

#include <cstdint>

#include "wire/local/record.h"

namespace undercoat::instrument {

// One held call, as registers. `arch` is AUDIT_ARCH_*.
struct Trap {
    uint64_t id;
    uint32_t tid;  // in our pid name space; 0: the caller is not visible there
    uint32_t arch;
    uint64_t nr;
    uint64_t ip;
    uint64_t args[6];
};

class TrapBackend {
public:
    virtual ~TrapBackend() = default;
    enum class Next { trap, again, finished };
    // Waits for a call. again: interrupted or the caller died meanwhile. finished: nobody is left who could trap.
    virtual Next next(Trap& trap) = 0;
    // True when next() would not wait; waits for that at most `milliseconds`.
    virtual bool pending(int milliseconds) = 0;
    // Lets the call run. False: it was gone already.
    virtual bool proceed(uint64_t id) = 0;
    // The call fails with -error and does not run.
    virtual bool fail(uint64_t id, int error) = 0;
    // The call succeeds with `value` and does not run.
    virtual bool succeed(uint64_t id, int64_t value) = 0;
    // The call returns a close-on-exec duplicate of `fd` in the caller and does not run. False: not done, still held.
    virtual bool give_fd(uint64_t id, int fd) = 0;
    // True while the caller still waits, so that what was read through its pid was its own.
    virtual bool valid(uint64_t id) = 0;
    virtual wire::Origin origin() const = 0;
};

}  // namespace undercoat::instrument
