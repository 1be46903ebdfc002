// What stops a call of the workload before it runs, and lets it go on: the one interface that the trap loop knows.
//
// Must stay true: every trap that next() gave out is answered exactly once with effect, by anybody, in any order; a second
// answer is harmless. proceed(), fail() and give_fd() may be called by any thread.
#pragma once

#include <cstdint>

#include "wire/local/record.h"

namespace undercoat::instrument {

// One held call, as registers. `arch` is AUDIT_ARCH_*. A back end that tells results gives the same call out again later, held
// once more, with the same registers.
struct Trap {
    enum class Phase : uint8_t {
        entry,   // it is about to run
        ended,   // after proceed_and_tell(): it has run, `result` is what it returns
        gone,    // after proceed_and_tell(): the caller died in it; nothing is held, no answer is due
        made,    // after make_memfd(): `result` is the descriptor, or a negated errno
        image,   // a new image is about to run, after an execve with entry_id
    };
    uint64_t id;
    uint32_t tid;  // in our pid name space; 0: the caller is not visible there
    uint32_t arch;
    uint64_t nr;
    uint64_t ip;
    uint64_t args[6];
    Phase phase = Phase::entry;
    uint64_t entry_id = 0;  // but for entry: the id that the entry had
    int64_t result = 0;
};

struct HeldPlace;

class TrapBackend {
public:
    virtual ~TrapBackend() = default;
    enum class Next { trap, again, finished };
    // Waits for a call. again: interrupted or the caller died meanwhile. finished: nobody is left who could trap.
    virtual Next next(Trap& trap) = 0;
    // The same; what it received stands in `place` (held_place.h), cleared before, whatever the receiver dies of.
    virtual Next next_kept(Trap& trap, HeldPlace& place);
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
    // True: results are exact, told by proceed_and_tell(), new images by Phase::image, deaths by the back end itself.
    virtual bool exact() const { return false; }
    // Lets the call run and gives it out once more when it has ended.
    virtual bool proceed_and_tell(uint64_t id) { return proceed(id); }
    // Where give_fd() cannot be: the caller makes a sealable memory file itself instead; given out as Phase::made.
    virtual bool makes_files() const { return false; }
    virtual bool make_memfd(uint64_t) { return false; }
    // A descriptor that hangs up when nobody is left who could trap.
    virtual int end_fd() const = 0;
    // True while the caller still waits, so that what was read through its pid was its own.
    virtual bool valid(uint64_t id) = 0;
    virtual wire::Origin origin() const = 0;
};

}  // namespace undercoat::instrument
