// See tracee.h.
#include "supervisor/instrument/tracer/tracee.h"

namespace undercoat::instrument {
namespace {

Step syscall_stop(Tracee& t, Side side, const TraceRules& rules) {
    if (t.entry_stop_due) {
        t.entry_stop_due = false;
        t.inside = true;
        return {Step::nobody, onward(t, rules), 0};
    }
    if (side == Side::unknown) side = t.inside ? Side::exit : Side::entry;
    t.inside = side == Side::entry;
    if (side == Side::entry) return {rules.every_call ? Step::entry : Step::nobody, onward(t, rules), 0};
    const bool asked = t.awaits_exit;
    t.awaits_exit = false;
    if (asked) return {Step::exit, Resume::nothing, 0};
    return {Step::nobody, onward(t, rules), 0};
}

}  // namespace

Step step(Tracee& t, const Stop& stop, Side side, const TraceRules& rules) {
    switch (stop.kind) {
        case Stop::ended: return {Step::gone, Resume::nothing, 0};
        case Stop::seccomp:
            t.inside = true;
            t.entry_stop_due = rules.entry_after_seccomp;
            return {Step::entry, Resume::nothing, 0};
        case Stop::syscall: return syscall_stop(t, side, rules);
        case Stop::fork: return {Step::forked, onward(t, rules), 0};
        case Stop::exec: return {Step::executed, Resume::nothing, 0};
        case Stop::group: return {Step::nobody, Resume::listen, 0};
        case Stop::signal: return {Step::nobody, onward(t, rules), stop.value};
        default: return {Step::nobody, onward(t, rules), 0};
    }
}

void answered(Tracee& t, bool want_exit) {
    t.held = 0;
    t.awaits_exit = want_exit;
    if (!want_exit) t.entry_stop_due = false;
}

void becomes_leader(Tracee& to, const Tracee& from) {
    const pid_t tid = to.tid;
    to = from;
    to.tid = tid;
}

}  // namespace undercoat::instrument
