// memcpy and memset, which the compiler calls and libc is not there to give; hidden, so that nobody else gets them.
//
// Must stay true: built with -fno-tree-loop-distribute-patterns, else they would call themselves.
#include <stddef.h>
#include <stdint.h>

namespace {
template <class T>
void move(uint8_t* to, const uint8_t* from) {
    T v;
    __builtin_memcpy(&v, from, sizeof v);
    __builtin_memcpy(to, &v, sizeof v);
}
}  // namespace

extern "C" void* memcpy(void* to, const void* from, size_t n) {
    auto* t = static_cast<uint8_t*>(to);
    auto* f = static_cast<const uint8_t*>(from);
    if (n >= 8) {
        for (size_t i = 0; i + 8 <= n; i += 8) move<uint64_t>(t + i, f + i);
        move<uint64_t>(t + n - 8, f + n - 8);
    } else {
        for (size_t i = 0; i < n; i++) t[i] = f[i];
    }
    return to;
}

extern "C" void* memset(void* to, int c, size_t n) {
    void* at = to;
    asm volatile("rep stosb" : "+D"(at), "+c"(n) : "a"(c) : "memory");
    return to;
}
