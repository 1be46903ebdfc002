// Reading and loading of the rules files that a command names.
#pragma once

#include "rules/ruleset/loader.h"

#include <string>
#include <vector>

namespace undercoat::cli {

struct RulesFiles {
    std::vector<rules::RulesFile> contents;
    std::vector<std::string> unreadable;  // messages
};

// Directories contribute their *.yaml and *.yml, sorted by name.
RulesFiles read_rules(const std::vector<std::string>& paths);
// The given paths, or the bundle's rules directory where there are none.
std::vector<std::string> or_bundled(const std::vector<std::string>& paths);
// Says on stderr what could not be read or has errors. True if there was nothing to say.
bool complain(const RulesFiles& files, const rules::LoadResult& result);

}  // namespace undercoat::cli
