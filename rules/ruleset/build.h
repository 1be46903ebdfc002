// Compiles Definitions into a Ruleset.
#pragma once

#include "rules/ruleset/loader.h"

namespace undercoat::rules {

struct BuildResult {
    std::shared_ptr<const Ruleset> ruleset;  // null if there was an error
    std::vector<Problem> problems;           // the last one is the error, if there is one
};

BuildResult build_ruleset(const Definitions& definitions, std::span<const RulesFile> files, const Catalogue& catalogue,
                          const LoadOptions& options);

}  // namespace undercoat::rules
