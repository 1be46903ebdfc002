// What of a process is not seen, and why: the numbers in coverage records.
//
// Freestanding. Must stay true: reasons keep their numbers within one kAbi; a record of RecordKind::coverage has
// coverage_code() as its result and, where there is more to say, Tag::text.
#pragma once

#include <stdint.h>

namespace undercoat::wire {

enum class CoverageReason : uint8_t {
    none = 0,
    secure_exec = 1,   // AT_SECURE (set-user-id, file capabilities): the loader ignores our library
    unreadable = 2,    // its memory is closed to us: other ids, not dumpable, more capabilities
    yama = 3,          // its memory is closed to us by Yama
    own_filter = 4,    // it has a seccomp filter of its own, whose answers outrank ours
    own_listener = 5,  // it asked for a seccomp listener of its own
    other_root = 6,    // our library does not lie in its root directory or mount name space
    no_filter = 7,     // it came from outside (exec into the container): no filter holds its calls
    preload_mode = 8,  // nobody's calls are held: mode preload
    foreign_abi = 9,   // i386 or x32
    static_program = 10,   // loads no library
    library_missing = 11,  // should have loaded our library and has not
    masked = 12,       // a filter outside of ours answers a call before we see it
    count = 13,
};

enum class CoverageLevel : uint8_t {
    nothing = 0,  // no call is seen
    part = 1,     // some calls, or some of their arguments, are not seen
    calls = 2,    // every call is seen; host names that are looked up are not
    count = 3,
};

inline constexpr int64_t coverage_code(CoverageReason r, CoverageLevel l) {
    return static_cast<int64_t>(r) | static_cast<int64_t>(l) << 8;
}

}  // namespace undercoat::wire
