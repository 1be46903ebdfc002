// Reads one rules file into the Definitions, with its appends and overrides applied.
#pragma once

#include "rules/ruleset/item.h"

namespace undercoat::rules {

// Returns whether the file had no error; after an error the definitions are partly changed and to be thrown away.
bool read_definitions(FileContext& context, const Catalogue& catalogue, const LoadOptions& options, Definitions& out);

}  // namespace undercoat::rules
