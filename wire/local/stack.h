// The caller's stack as the trap has copied it, for whoever unwinds it later: the caller has long gone on by then.
//
// Freestanding. Must stay true: everything in it was controlled by the process.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace undercoat::wire {

inline constexpr size_t kMaxStackCopy = 10 * 1024;  // bytes of stack from the stack pointer upwards
inline constexpr size_t kMaxCodeCopy = 4 * 1024;    // bytes of CodeRange entries

enum StackFlag : uint32_t {
    kStackCut = 1,  // the stack goes on behind what was copied
    kCodeCut = 2,   // there is more code than was copied
    kRegisters = 4, // all of `callee_saved` is known, not the program counter and the stack pointer alone
};

// Tag::stack: this, then the bytes of the stack.
struct StackHead {
    uint64_t pc, sp;
    uint64_t callee_saved[6];  // rbx, rbp, r12-r15
    uint32_t flags;            // StackFlag bits
    uint32_t vpid;             // the process' number in its own name space, as in the names of perf maps
};

// Tag::code: one after the other, each followed by `name` bytes of the file's path as in /proc/PID/maps ("" of none).
struct CodeRange {
    uint64_t start, end, offset;  // offset in the file
    uint64_t ino;
    uint32_t dev_major, dev_minor;
    uint16_t name;
    uint16_t reserved[3];
};
static_assert(sizeof(StackHead) == 72 && sizeof(CodeRange) == 48);

}  // namespace undercoat::wire
