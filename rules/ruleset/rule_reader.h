// Reads one rule item into the Definitions.
#pragma once

#include "rules/ruleset/item.h"

namespace undercoat::rules {

bool read_rule(Item item, const Catalogue& catalogue, Definitions& out);

// Problems that lists, macros and rules share. The last two return false.
void warn_append(const Item& item);
bool bad_override(const Item& item);
bool append_and_override(const Item& item);

}  // namespace undercoat::rules
