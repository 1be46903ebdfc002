// Text from events is any bytes; regular expressions and JSON want UTF-8.
#pragma once

#include "rules/arena.h"

#include <string_view>

namespace undercoat::rules {

// The text itself if it is valid UTF-8, otherwise a copy in which each byte of no valid sequence is U+FFFD.
std::string_view valid_utf8(std::string_view text, Arena& arena);

}  // namespace undercoat::rules
