// From a copy of a stack to the places that its functions were called from.
//
// libunwind follows the unwind tables of the files. It needs registers that the trap does not know (only our library's trap door
// leaves them on the stack); where it stops for want of them, or because there are no tables (Go, JIT compilers), frame pointers
// are looked for on the stack, and that step is called a guess.
//
// Must stay true: nothing but the copy and files is read; the work is bounded by kMostFrames and kMostReads whatever the copy and
// the files hold. Not thread-safe.
#pragma once

#include "supervisor/stack/code_map.h"
#include "wire/local/stack.h"

#include <string_view>
#include <vector>

namespace undercoat::stack {

inline constexpr size_t kMostFrames = 48;
inline constexpr unsigned kMostReads = 50'000;

struct Frame {
    uint64_t pc;           // the first: behind the call's instruction; others: return addresses
    bool guessed = false;  // the step from the frame before to this one
};
struct Walk {
    std::vector<Frame> frames;
    bool cut = false;  // there are more: the copy, or the bound, ended first
};

// `copy`: the bytes behind the head.
Walk unwind(const wire::StackHead& head, std::string_view copy, CodeMap& code);

}  // namespace undercoat::stack
