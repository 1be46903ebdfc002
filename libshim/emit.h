// Writes one record into the process's ring.
//
// Must stay true: wait-free, no system call, async-signal-safe; a record that does not fit is counted, never waited
// for.
#pragma once

#include "libshim/state.h"
#include "wire/local/record.h"

namespace undercoat::shim {

struct Piece {
    wire::Tag tag;
    uint8_t index;
    uint16_t size;
    const void* data;
};

struct Emission {
    wire::RecordKind kind = wire::RecordKind::call;
    uint16_t call = wire::kNoCall;
    uint8_t flags = 0;  // RecordFlag bits besides kTimeTsc
    int64_t result = 0;
    const uint64_t* args = nullptr;
    uint32_t nargs = 0;
    const Piece* pieces = nullptr;
    uint32_t npieces = 0;
};

void emit(const wire::Ring& ring, const Emission& e);

}  // namespace undercoat::shim
