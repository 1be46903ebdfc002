// Events and the first thread as the conformance cases describe them, for the product's own state.
#pragma once

#include "supervisor/event/event.h"
#include "supervisor/state/state.h"

#include <yaml-cpp/yaml.h>

#include <string>

namespace undercoat::conformance {

// Fills e from a case's event. Returns "" or why this event cannot exist here (an enter event has no result yet).
std::string fill_event(const YAML::Node& node, uint64_t number, event::Event& e);

// Puts in what only the enter of the same call has said, and the name that an open was called with, which goes before the exit's.
void apply_enter(const YAML::Node& enter, event::Event& e);

// The thread that `init_thread: true` means, with the values that stand at the head of the case file.
void add_init_thread(state::State& state);
// The two below it that cases about ancestors in outputs mean: 2 bash, and 3 child.
void add_children(state::State& state);

}  // namespace undercoat::conformance
