// String helpers for the cold paths.
#pragma once

#include <stddef.h>

namespace undercoat::shim {

inline size_t length(const char* s) {
    size_t n = 0;
    while (s[n]) n++;
    return n;
}

inline bool equal(const char* a, const char* b) {
    while (*a && *a == *b) a++, b++;
    return *a == *b;
}

inline bool equal(const char* a, size_t n, const char* b) {
    for (size_t i = 0; i < n; i++)
        if (a[i] != b[i] || !a[i]) return false;
    return b[n] == 0;
}

// The value if `entry` is "name=value", else null.
inline char* value_of(char* entry, const char* name) {
    while (*name && *entry == *name) entry++, name++;
    return !*name && *entry == '=' ? entry + 1 : nullptr;
}

// Copies at most `room` - 1 bytes; an empty string when it does not fit.
inline size_t copy_text(char* to, size_t room, const char* from, size_t n) {
    if (n >= room) n = 0;
    for (size_t i = 0; i < n; i++) to[i] = from[i];
    to[n] = 0;
    return n;
}

}  // namespace undercoat::shim
