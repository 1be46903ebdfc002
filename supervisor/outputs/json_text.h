// Text as a JSON string, the way Falco writes it.
#pragma once

#include <string>
#include <string_view>

namespace undercoat::outputs {

// Appends the escaped text without quotes: " \ and control bytes are escaped, each byte that is no part of valid UTF-8
// becomes U+FFFD; everything else, also < and >, stays as it is.
void append_escaped(std::string_view text, std::string& out);

inline void append_quoted(std::string_view text, std::string& out) {
    out += '"';
    append_escaped(text, out);
    out += '"';
}

}  // namespace undercoat::outputs
