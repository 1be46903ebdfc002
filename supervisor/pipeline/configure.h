// The supervisor's settings out of its options and its configuration file; options win.
#pragma once

#include "supervisor/outputs/engine.h"
#include "supervisor/pipeline/options.h"

namespace undercoat::pipeline {

// What is wrong with the file, or means nothing, is said through `log`; the rest holds.
outputs::EngineSettings engine_settings(const SupervisorOptions& options, const actions::Log& log);

// Makes the engine forward its alerts, if a collector is named. `mode`: of capture, for the collector.
void add_forwarding(outputs::EngineSettings& settings, const std::string& mode, const actions::Log& log);

}  // namespace undercoat::pipeline
