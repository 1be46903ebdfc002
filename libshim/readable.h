// Which memory may be read without a fault: a call with a bad pointer must give EFAULT, as natively, and not crash in
// us.
//
// A page is known to be readable once the kernel has read it for this program (the call did not fail for its pointer),
// or when the stack pointer is in it. Must stay true: no page is read that is not known; the first call with a pointer
// into an unknown page leaves by the trap door with the pointer as it is. What the program takes away itself is
// forgotten (hooks_memory.cc); what libc gives back for it (a big free) is still held for known: a program that passes a
// pointer to that faults in us instead of getting EFAULT.
#pragma once

#include "libshim/state.h"

namespace undercoat::shim {

inline constexpr uint64_t kPage = 4096;
// Pages below are never known: in the table they would not differ from empty places.
inline constexpr uint64_t kUserStart = kKnownPages * kPage, kUserEnd = 0x7fff'ffff'f000;

inline bool page_known(uint64_t address) {
    const uint64_t page = address / kPage;
    if (address < kUserStart || address >= kUserEnd) return false;
    if (page == reinterpret_cast<uint64_t>(__builtin_frame_address(0)) / kPage) return true;
    const uint32_t* pages = __atomic_load_n(&g_image.pages, __ATOMIC_RELAXED);
    return pages && __atomic_load_n(&pages[page % kKnownPages], __ATOMIC_RELAXED) == static_cast<uint32_t>(page / kKnownPages);
}

inline void learn_page(uint64_t address) {
    const uint64_t page = address / kPage;
    uint32_t* pages = __atomic_load_n(&g_image.pages, __ATOMIC_RELAXED);
    if (!pages || address < kUserStart || address >= kUserEnd) return;
    __atomic_store_n(&pages[page % kKnownPages], static_cast<uint32_t>(page / kKnownPages), __ATOMIC_RELAXED);
}

// [from, to): the program takes it away.
inline void forget_range(uint64_t from, uint64_t to) {
    const uint64_t first = from / kPage, last = to / kPage + (to % kPage != 0);
    uint32_t* pages = __atomic_load_n(&g_image.pages, __ATOMIC_RELAXED);
    if (!pages) return;
    for (uint64_t i = 0, n = last - first; i < n && i < kKnownPages; i++) {
        uint32_t& known = pages[(first + i) % kKnownPages];
        const uint32_t is = __atomic_load_n(&known, __ATOMIC_RELAXED);
        if (n > kKnownPages || is == static_cast<uint32_t>((first + i) / kKnownPages)) __atomic_store_n(&known, 0, __ATOMIC_RELAXED);
    }
}

inline bool range_known(uint64_t address, uint64_t n) {
    if (n > kPage) return false;
    return page_known(address) && (n == 0 || page_known(address + n - 1));
}

inline void learn_range(uint64_t address, uint64_t n) {
    learn_page(address);
    if (n > 0 && n <= kPage) learn_page(address + n - 1);
}

// A word with the high bit set in each byte that is zero in `word` (exact up to and including the first one).
inline uint64_t zero_bytes(uint64_t word) { return (word - 0x0101010101010101) & ~word & 0x8080808080808080; }

// Copies the string at `address` to `to`, whole aligned words at a time, each read once; words never cross a page. The
// string begins at to + address % 8. Returns its length; -1 when it cannot be read, -2 when it does not fit into `room`
// bytes.
inline long copy_known_string(uint64_t address, char* to, size_t room) {
    uint64_t at = address & ~7ULL;
    uint64_t ignored = address % 8 ? (1ULL << address % 8 * 8) - 1 : 0;  // bytes before the string count as not zero
    if (!page_known(at)) return -1;
    for (size_t n = 0; n + 8 <= room; n += 8) {
        const uint64_t word = __atomic_load_n(reinterpret_cast<const uint64_t*>(at), __ATOMIC_RELAXED);
        __builtin_memcpy(to + n, &word, 8);
        if (const uint64_t zeros = zero_bytes(word | ignored))
            return static_cast<long>(at + static_cast<uint64_t>(__builtin_ctzll(zeros)) / 8 - address);
        ignored = 0;
        at += 8;
        if (at % kPage == 0 && !page_known(at)) return -1;
    }
    return -2;
}

// Length of the string at `address`, or -1 when it cannot be read or is not shorter than `max`.
inline long known_length(uint64_t address, long max) {
    char word[8];
    long n = 0;
    while (n < max) {
        const auto at = address + static_cast<uint64_t>(n);
        const long more = copy_known_string(at, word, sizeof word);
        if (more != -2) return more < 0 || n + more >= max ? -1 : n + more;
        n += 8 - static_cast<long>(at % 8);
    }
    return -1;
}

// After the kernel has read the string at `address`, or accepted that there is none.
inline void learn_string(uint64_t address, long max) {
    if (address < kUserStart) return;
    const char* p = reinterpret_cast<const char*>(address);
    for (long n = 0; n < max; n++) {
        if (n == 0 || (address + static_cast<uint64_t>(n)) % kPage == 0) learn_page(address + static_cast<uint64_t>(n));
        if (!p[n]) return;
    }
}

}  // namespace undercoat::shim
