// Bytes of unknown origin as text that is safe to show: valid UTF-8 without control characters.
//
// Must stay true: each byte that is a control byte (below 0x20, 0x7f) or no part of a valid UTF-8 sequence becomes one
// U+FFFD, as Falco shows it; everything else is unchanged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace undercoat {

inline constexpr std::string_view kReplacement = "\xef\xbf\xbd";

// Length of the valid UTF-8 sequence at text[at], or 0. Overlong forms, surrogates and values past U+10FFFF are invalid.
inline size_t utf8_length(std::string_view text, size_t at) {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[at + i]); };
    const auto follows = [&](size_t n) {
        if (text.size() - at < n) return false;
        for (size_t i = 1; i < n; ++i)
            if ((byte(i) & 0xc0) != 0x80) return false;
        return true;
    };
    const uint8_t first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) return follows(2) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        if (!follows(3)) return 0;
        if (first == 0xe0 && byte(1) < 0xa0) return 0;
        if (first == 0xed && byte(1) > 0x9f) return 0;
        return 3;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        if (!follows(4)) return 0;
        if (first == 0xf0 && byte(1) < 0x90) return 0;
        if (first == 0xf4 && byte(1) > 0x8f) return 0;
        return 4;
    }
    return 0;
}

// As much of it as fits into `limit` bytes, without a sequence that is cut in two.
inline std::string_view utf8_prefix(std::string_view text, size_t limit) {
    if (text.size() <= limit) return text;
    while (limit > 0 && (static_cast<uint8_t>(text[limit]) & 0xc0) == 0x80) --limit;
    return text.substr(0, limit);
}

inline bool is_control(char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7f; }

// How many bytes at the start need no change.
inline size_t harmless_prefix(std::string_view text) {
    size_t at = 0;
    while (at < text.size()) {
        if (is_control(text[at])) return at;
        const size_t n = utf8_length(text, at);
        if (n == 0) return at;
        at += n;
    }
    return at;
}

inline void append_harmless(std::string_view text, std::string& out) {
    while (!text.empty()) {
        const size_t n = harmless_prefix(text);
        out.append(text.substr(0, n));
        text.remove_prefix(n);
        if (text.empty()) return;
        out.append(kReplacement);
        text.remove_prefix(1);
    }
}

}  // namespace undercoat
