// Alerts to the standard input of a program that `sh -c` runs.
//
// Must stay true: a program that does not read, or does not end, delays its own alerts only; it never has our preloaded
// library or our settings in its environment, and is not left behind.
#pragma once

#include "supervisor/outputs/channel.h"
#include "supervisor/outputs/settings.h"

namespace undercoat::outputs {

std::unique_ptr<Channel> make_program_channel(const ProgramSettings& settings);

}  // namespace undercoat::outputs
