// Arguments to TLVs: what a held call was given, as the syscall table describes it.
//
// Must stay true: which argument is read, and how, follows from its ArgKind; each piece of the target's memory is fetched
// once; what cannot be read is left out and said by kUnreadable or by `bad_pointer`.
#pragma once

#include <sys/types.h>

#include "supervisor/instrument/trap_backend.h"
#include "wire/local/calls.h"

namespace undercoat::instrument {

// A held call in the terms of the table. For i386 the registers are widened and the number translated.
struct HeldCall {
    uint16_t call = wire::kNoCall;
    bool foreign = false;  // i386 or x32 entry
    bool wide_pointers = true;
    pid_t tid = 0;
    pid_t pid = 0;
    uint64_t args[6] = {};
    const wire::CallInfo& info() const { return wire::kCalls[call]; }
    int32_t as_int(unsigned i) const { return static_cast<int32_t>(args[i]); }
};

// What capturing found out on the way; the inference goes on from it.
struct Captured {
    uint8_t flags = 0;         // RecordFlag bits
    bool bad_pointer = false;  // a path or structure lies at an address that cannot be read: EFAULT
    bool too_long = false;     // a path of 4096 bytes or more: ENAMETOOLONG
    // Private copies of the call's first two path arguments, NUL-terminated; length 0 with a null pointer too.
    struct Text {
        int arg = -1;
        size_t length = 0;
        bool cut = false;
        char text[wire::kMaxPath + 1];
    } paths[2];
    // Of an address argument: the bytes that could be read.
    uint8_t address[128];
    size_t address_length = 0;
};

// Registers only.
void capture_registers(const HeldCall& c, wire::PayloadWriter& out);
// Everything the table asks for.
void capture_arguments(const HeldCall& c, wire::PayloadWriter& out, Captured& found);

// Fills `c` from a trap: number to call, registers, socketcall. False: nothing that the table captures.
bool decode(const Trap& trap, HeldCall& c);

}  // namespace undercoat::instrument
