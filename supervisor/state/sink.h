// The consumer of events behind the state: rules, actions, outputs.
//
// The pipeline owns the order: state.apply(event), sink.on_event, state.finish, and at the end of each turn sink.commit();
// only then does it tell the rings that their records are done. Must stay true: once commit() has returned true, everything
// that came of earlier events is where a kill -9 of this process cannot lose it, or is counted as dropped; the same EventId
// may come again after a restart and must then not be output twice. All calls come from one thread.
#pragma once

#include "supervisor/state/state.h"

#include <bitset>

namespace undercoat::state {

// Which calls somebody behind the state looks at.
struct Interest {
    std::bitset<wire::kCallCount> calls;
    std::bitset<wire::kCallCount> results;  // those whose result is tested
    std::bitset<wire::kCallCount> stacks;   // those whose caller's stack is asked for
    bool names = false;                     // looked-up host names
};

// What came of one event.
enum class Verdict : uint8_t {
    noted,  // something was done with it, or would be done with another at another time
    quiet,  // nothing; and nothing would be done with any event that differs from it in time and number only
};

class Sink {
public:
    virtual ~Sink() = default;

    // What is wanted now. Asked at the start, after each reload(), and after a tick() that made interest_changed() true.
    virtual Interest interest() const = 0;
    // Whether interest() has changed since it was last asked for; tells it once.
    virtual bool interest_changed() { return false; }
    // One event, its state applied. Kinds other than call, birth and exit have no event type. May throw; that is counted.
    virtual Verdict on_event(const event::Event& e, State& state) = 0;
    // An event that on_event() has found quiet came again, and was not handed on.
    virtual void on_repeat() {}
    // Tells whether everything that came of earlier events is safe. False: part of it waits for a slow output. Called each
    // turn until it is true.
    virtual bool commit() = 0;
    // After a commit() that was false: remembers what came of events up to now; and whether all up to there is safe.
    virtual void mark() {}
    virtual bool reached_mark() { return false; }
    // Called between turns when SIGHUP came or tick() is due (about every 100 ms).
    virtual void reload() {}
    virtual void reopen() {}  // SIGUSR1: output files may have been moved away
    virtual void tick(uint64_t now_ns) { (void)now_ns; }
    // Whether the workload may start. Asked between turns until it is true.
    virtual bool ready() { return true; }
    // The last call: nothing will come any more.
    virtual void stop() { commit(); }
};

}  // namespace undercoat::state
