// Counts all heap allocations of the program that it is linked into.
#include "tests/unit/rules/vm/allocations.h"

#include <cstdlib>
#include <new>

namespace {
size_t counted = 0;
}

[[gnu::noinline]] void* operator new(size_t size) {
    ++counted;
    if (void* p = std::malloc(size)) return p;
    throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(size_t size, const std::nothrow_t&) noexcept {
    ++counted;
    return std::malloc(size);
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, size_t) noexcept { std::free(p); }

size_t undercoat::test::allocations() { return counted; }
