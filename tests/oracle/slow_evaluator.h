// A second evaluator of conditions, for comparison with the product's: it walks the tree each time and takes the obvious way.
//
// It shares the parser, the catalogue and the value type with the product, and nothing else: literals, sets, prefixes, patterns,
// event types and evaluation are done again, by other means (inet_pton, fnmatch, regcomp). Must stay true: no cleverness.
// All operators, modifiers and transformers.
#pragma once

#include "rules/catalogue.h"
#include "rules/lang/ast.h"

#include <functional>
#include <string_view>

namespace undercoat::oracle {

using MacroLookup = std::function<const rules::Node*(std::string_view)>;

// The verdict by FALCO_SPEC 1.3 to 1.7. Precondition: the product's compiler accepts the condition.
bool slow_verdict(const rules::Node& node, const MacroLookup& macros, const rules::Catalogue& catalogue, rules::EventView& event);

}  // namespace undercoat::oracle
