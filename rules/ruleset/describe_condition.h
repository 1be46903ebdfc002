// Walks over a condition's tree for descriptions of rules.
#pragma once

#include "rules/lang/printer.h"
#include "rules/ruleset/ruleset.h"

namespace undercoat::rules {

// Fills macros (those that the tree itself names) and operators (those inside macros too); each sorted and once.
void describe_condition(const Node& tree, const MacroExpansion& expand, Rule& rule);

// How many nodes the tree has with its macros put in; counting stops behind the limit. Precondition: no loop of macros.
size_t expanded_size(const Node& tree, const MacroExpansion& expand, size_t limit);

// Whether the tree itself names the macro.
bool names_macro(const Node& tree, std::string_view name);

}  // namespace undercoat::rules
