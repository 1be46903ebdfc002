// What a capture tells of containers, users and groups by events rather than lists.
#pragma once

#include "supervisor/scap/events.h"
#include "supervisor/state/state.h"

namespace undercoat::scap {

// The number under which container events have a thread of their own, which is in the container. No number of a session or a
// group, where -1 means not known.
inline constexpr int64_t kContainerThread = -2;

// Hands it to the state if the event that the reader has just filled is one of these. False: it is one, and cannot be understood.
bool learn(const EventReader& reader, const event::Event& e, state::State& state);

// The JSON of a container event: {"container": {...}}. nullopt if it is none.
std::optional<state::Container> container_from_json(std::string_view text);

}  // namespace undercoat::scap
