// Exceptions of rules: reading them, and turning them into text of a condition.
#pragma once

#include "rules/ruleset/item.h"

namespace undercoat::rules {

// Reads the key "exceptions" of a rule item into `out`. With append: an exception of a name that `out` has adds its
// values to it; otherwise each is a complete definition. catalogue: null for a source whose fields are unknown.
bool read_exceptions(const Item& rule, bool append, const Catalogue* catalogue, std::vector<ExceptionDefinition>& out);

// "not f in (a, b)" or "not ((f = a and g = b) or (...))"; empty if there are no values. Nothing if it would be too
// long.
std::optional<std::string> exception_condition(const ExceptionDefinition& exception);

}  // namespace undercoat::rules
