// Quoting of values in conditions.
//
// Must stay true: unescape(escape(s)) == s for every s that needs quotes; a value that needs none is printed as it
// is. (A value that ends in a backslash cannot be written in a condition: the quote behind it would not end the
// text.)
#pragma once

#include "base/result.h"

#include <string>
#include <string_view>

namespace undercoat::rules {

// Space, tab, backspace, CR, LF: what separates tokens.
inline bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\b' || c == '\r' || c == '\n';
}

// Whether c may stand in a bare (unquoted) value.
inline bool is_bare(char c) {
    return !is_blank(c) && c != '(' && c != ')' && c != '"' && c != '\'' && c != '=' && c != ',';
}

// The value as it has to be written in a condition: bare where possible, otherwise in double quotes.
std::string escape(std::string_view value);

// The value in double quotes, needed or not.
std::string quote(std::string_view value);

// quoted includes its quotes, both the same. Error: an escape that does not exist.
Result<std::string> unescape(std::string_view quoted);

}  // namespace undercoat::rules
