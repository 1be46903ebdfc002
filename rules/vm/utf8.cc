// Replaces invalid UTF-8, see utf8.h. Source of the rules: Unicode 15, table 3-7 and section 3.9.
#include "rules/vm/utf8.h"

namespace undercoat::rules {
namespace {

// Length of the well-formed sequence at s, or of the invalid part that one U+FFFD stands for.
size_t sequence(std::string_view s, bool& valid) {
    auto byte = [&](size_t i) { return i < s.size() ? static_cast<unsigned char>(s[i]) : 0u; };
    unsigned first = byte(0);
    valid = first < 0x80;
    if (valid) return 1;
    size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                    : first >= 0xe0 && first <= 0xef ? 3
                    : first >= 0xf0 && first <= 0xf4 ? 4
                                                     : 0;
    if (length == 0) return 1;
    unsigned low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    unsigned high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (byte(1) < low || byte(1) > high) return 1;
    for (size_t i = 2; i < length; ++i)
        if (byte(i) < 0x80 || byte(i) > 0xbf) return i;
    valid = true;
    return length;
}

}  // namespace

std::string_view valid_utf8(std::string_view text, Arena& arena) {
    size_t bad = 0;
    for (size_t i = 0; i < text.size();) {
        bool valid = false;
        i += sequence(text.substr(i), valid);
        bad += !valid;
    }
    if (bad == 0) return text;
    auto out = arena.array<char>(text.size() + 2 * bad);
    size_t at = 0;
    for (size_t i = 0; i < text.size();) {
        bool valid = false;
        size_t length = sequence(text.substr(i), valid);
        std::string_view part = valid ? text.substr(i, length) : "\xef\xbf\xbd";
        for (char c : part) out[at++] = c;
        i += length;
    }
    return {out.data(), at};
}

}  // namespace undercoat::rules
