// The transformers: functions of values.
//
// Must stay true: results live in the given Arena or in the arguments' memory; a missing argument makes a missing
// result.
#pragma once

#include "rules/arena.h"
#include "rules/sema/typed.h"
#include "rules/value.h"

#include <span>
#include <string_view>

namespace undercoat::rules {

// arguments fit the transform, as check_operand says. option: the letter of getopt(...)[c], or 0.
Value apply_transform(Transform transform, std::span<const Value> arguments, char option, Arena& arena);

// The value as the text that join() and outputs show: numbers in decimal, addresses as usual, a list as (a,b).
std::string_view render_text(const Value& value, Arena& arena);

}  // namespace undercoat::rules
