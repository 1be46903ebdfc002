// Look-ups in the syscall table (calls.gen.h, made from syscalls.toml).
//
// Freestanding, constexpr. Must stay true: nothing here repeats what the table says.
#pragma once

#include "wire/local/calls.gen.h"

namespace undercoat::wire {

// Index into kCalls for a system call number, or kNoCall.
constexpr uint16_t call_by_nr(uint64_t nr) { return nr < kCallBy_x86_64_size ? kCallBy_x86_64[nr] : kNoCall; }
constexpr uint16_t call_by_nr_i386(uint64_t nr) { return nr < kCallBy_i386_size ? kCallBy_i386[nr] : kNoCall; }

constexpr const CallInfo& info(Call c) { return kCalls[static_cast<uint16_t>(c)]; }
constexpr bool captured(const CallInfo& c) { return c.tier != Tier::absent; }

}  // namespace undercoat::wire
