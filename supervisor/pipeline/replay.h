// Evaluates the events of a file instead of a workload's.
#pragma once

#include "supervisor/state/sink.h"

#include <functional>
#include <memory>
#include <string>

namespace undercoat::pipeline {

// A capture (scap/capture.h), told by its beginning; else each line is an event (event/json.h). Returns 0, or 1 if the file cannot
// be read, is damaged, or a line is no event; the rest is evaluated all the same.
int replay(const std::string& file, state::Options options,
           const std::function<std::unique_ptr<state::Sink>(state::State&)>& make_sink,
           const std::function<void(const std::string&)>& log);

}  // namespace undercoat::pipeline
