// The JSON form of an event: one object on one line, written for --events and read by --replay and tests.
//
// Keys: id, num, ts (ns), type (event name; kind other than call is in "kind"), pid, tid, origin, cpu (where it is known), flags (array of
// "inferred", "unknown", "unreadable", "foreign_abi"), result, params (object by parameter name: numbers; strings for
// text; {"hex": …} for bytes, or {"list": [strings]} for NUL-separated ones; {"ip", "port"} or {"path"} for an address;
// {"source", "destination"} for a tuple), captured (object; only what was captured).
// Text that is no valid UTF-8 is written as {"hex": …}. Must stay true: reading what was written gives an equal event.
#pragma once

#include "base/result.h"
#include "supervisor/event/event.h"

#include <string>
#include <string_view>

namespace undercoat::event {

// Appends the object, without a newline.
void append_json(const Event& e, std::string& out);
const char* kind_name(Kind k);
const char* origin_name(wire::Origin o);  // "" for what is none
// Fills the event. The error names the key and what is allowed.
Status parse_json(std::string_view line, Event& e);

}  // namespace undercoat::event
