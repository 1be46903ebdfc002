// The settings of forwarding out of the environment, over those of the configuration file.
#pragma once

#include "supervisor/outputs/settings.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace undercoat::forward {

using uplink::Lookup;

// `s` holds what the file says; `from_file` its values that are read like a variable. Each problem is a sentence that names
// the variable, what was given and what is allowed; a bad value is left out.
void apply_environment(outputs::CollectorSettings& s, const std::map<std::string, std::string>& from_file, const Lookup& environment,
                       std::vector<std::string>& problems);

// What is known of the place that this runs in: kernel, distribution, platform, task.
std::vector<std::pair<std::string, std::string>> platform_facts(const Lookup& environment);

}  // namespace undercoat::forward
