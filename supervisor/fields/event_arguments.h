// evt.arg and evt.rawarg: which argument names exist, and how an argument becomes a value.
//
// Must stay true: the index of a name in argument_names() is FieldRef::index of evt.arg.NAME; a numeric argument,
// evt.arg[N], is stored in FieldRef::key as its digits with index -1 - N.
#pragma once

#include "supervisor/fields/field.h"

#include <optional>

namespace undercoat::fields {

// All parameter names of all event types, without doubles.
std::span<const std::string_view> argument_names();
std::optional<uint32_t> argument_number(std::string_view name);
// The type with which evt.rawarg.NAME compares.
FieldType raw_argument_type(uint32_t name);

Value argument_text(const Access& a);
Value argument_raw(const Access& a);
// What evt.rawarg shows in an output: an empty number prints as 0.
Value argument_raw_output(const Access& a);

}  // namespace undercoat::fields
