// What a person probably meant who wrote a condition that does not parse, and what to write instead.
//
// Must stay true: a hint is added to an error, it never decides about one; it may guess, so it names what it saw.
#pragma once

#include "rules/lang/parser.h"

#include <string>
#include <string_view>

namespace undercoat::rules {

// text: the condition that gave the error. Begins with "; " or ", ", or is empty where there is nothing to say.
std::string syntax_hint(std::string_view text, const ParseError& error);

}  // namespace undercoat::rules
