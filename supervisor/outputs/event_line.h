// One event as a line of the event log (--events FILE).
//
// The event's own JSON form (event/json.h: id, ts, type, pid, tid, origin, result, params, …), from which --replay rebuilds
// it, and beside its keys what people look for: time, inferred, ppid, proc.name, fd.name, args (each argument by Falco's
// name, as rendered text or number). Must stay true: a line is one JSON object in valid UTF-8, whatever the event contains;
// its first key is id.
#pragma once

#include "supervisor/fields/view.h"

#include <string>

namespace undercoat::outputs {

// Between apply and finish of this event. For events without a type the args are left out.
void append_event_line(const event::Event& e, state::State& state, fields::Surroundings& surroundings, rules::Arena& arena,
                       std::string& out);

}  // namespace undercoat::outputs
