// Reads the literals of a condition by the type of the field beside them, and says which operators a type takes.
#pragma once

#include "base/result.h"
#include "rules/catalogue.h"
#include "rules/lang/ast.h"

namespace undercoat::rules {

std::string_view to_string(FieldType type);
bool is_text(FieldType type);     // text or path
bool is_integer(FieldType type);  // every type whose values are whole numbers
// Types that compare with one another: the same, or both text.
bool same_type(FieldType a, FieldType b);

// Whether the operator exists for a field of this type, is_list fields apart (they take exists, in and intersects).
bool operator_allowed(Operator op, FieldType type);

// Whether a field of this type can have this value: numbers fit its width. (parse_literal takes all of 64 bits.)
bool fits(FieldType type, const Value& value);

// The value of the literal. Text is not copied: the result points into `text`. Numbers: decimal or 0x, a negative one
// for an unsigned type wraps at its width; ports also by service name; booleans true or false; addresses; networks as
// CIDR.
Result<Value> parse_literal(FieldType type, std::string_view text);

}  // namespace undercoat::rules
