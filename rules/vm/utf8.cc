// Replaces invalid UTF-8, see utf8.h.
#include "rules/vm/utf8.h"

#include "base/utf8.h"

#include <algorithm>

namespace undercoat::rules {

std::string_view valid_utf8(std::string_view text, Arena& arena) {
    size_t bad = 0;
    for (size_t i = 0; i < text.size();) {
        size_t length = utf8_length(text, i);
        bad += length == 0;
        i += std::max<size_t>(length, 1);
    }
    if (bad == 0) return text;
    auto out = arena.array<char>(text.size() + bad * (kReplacement.size() - 1));
    char* at = out.data();
    for (size_t i = 0; i < text.size();) {
        size_t length = utf8_length(text, i);
        std::string_view part = length == 0 ? kReplacement : text.substr(i, length);
        at = std::copy(part.begin(), part.end(), at);
        i += std::max<size_t>(length, 1);
    }
    return {out.data(), out.size()};
}

}  // namespace undercoat::rules
