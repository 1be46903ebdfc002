// What the two ways to start have in common: in front of the workload (main.cc) and beside it (beside.cc).
#pragma once

#include <string>

#include "supervisor/instrument/bundle.h"
#include "supervisor/instrument/launch.h"
#include "supervisor/instrument/options.h"
#include "wire/local/registry.h"

namespace undercoat::instrument {

inline constexpr int kNotStarted = 125;  // exit status: the workload was not to run without rules

LaunchPlan plan_launch(const Options& o, const Bundle& b, const std::string& path);
wire::CaptureMode capture_mode(const LaunchPlan& plan);
// Says in one line each what is not there.
void note_missing(const Options& o, const Bundle& b);
// Says how calls are captured; aloud only where that is less than was to be expected.
void say_mode(const Launched& launched, const LaunchPlan& plan);
void lower_oom_risk();

}  // namespace undercoat::instrument
