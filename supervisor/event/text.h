// Small text helpers: UTF-8 and hexadecimal.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace undercoat::event {

bool is_utf8(std::string_view s);
std::string to_hex(std::string_view bytes);
std::optional<std::string> from_hex(std::string_view hex);

}  // namespace undercoat::event
