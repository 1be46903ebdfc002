// What to say about the name of a macro that does not exist.
#pragma once

#include "rules/catalogue.h"
#include "rules/ruleset/definitions.h"

#include <string>
#include <string_view>

namespace undercoat::rules {

// name: of the macro that is missing; user: the macro that names it, or null for a rule; written: the word in the file, which
// is a list's name where the list was put in. Begins with a blank, or is empty where there is nothing to say.
std::string macro_hint(std::string_view name, const Definitions& definitions, const Catalogue& catalogue,
                       const MacroDefinition* user, std::string_view written);

}  // namespace undercoat::rules
