// Prints a tree in its one canonical form.
//
// Must stay true: chains are parenthesised, words separated by one blank, values quoted only where needed; printing
// and parsing again gives the same tree, except that constant arguments of transformers print without quotes.
#pragma once

#include "rules/lang/ast.h"

#include <functional>
#include <string>

namespace undercoat::rules {

// expand gives the tree that stands for a macro, or null to print the macro's name.
using MacroExpansion = std::function<const Node*(std::string_view name)>;

std::string print(const Node& node, const MacroExpansion& expand = nullptr);
// right: a field is written val(field).
std::string print(const Operand& operand, bool right = false);

}  // namespace undercoat::rules
