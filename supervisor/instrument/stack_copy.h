// A copy of the caller's stack and of where code is mapped, for thread.stack: taken while the call is held, since nothing of it
// is left afterwards.
//
// Must stay true: called only for calls that a rule wants the stack of; what is read is bounded (wire/local/stack.h) and so is
// the time: two reads of memory and of /proc each, no more.
#pragma once

#include "supervisor/instrument/capture.h"

namespace undercoat::instrument {

// Puts Tag::stack and Tag::code. Nothing where the caller's registers or memory are closed to us. `pc`: of the held call.
void put_stack(const HeldCall& c, uint64_t pc, wire::PayloadWriter& out);

// The stack pointer in the text of /proc/TID/syscall, 0 where there is none; for tests.
uint64_t parse_stack_pointer(const char* text);
// One line of /proc/PID/maps: executable, and its range. False: anything else. `name`: what follows, within `line`.
struct CodeLine {
    uint64_t start, end, offset, ino;
    uint32_t major, minor;
    const char* name;
    size_t name_length;
};
bool parse_code_line(const char* line, size_t n, CodeLine& out);

}  // namespace undercoat::instrument
