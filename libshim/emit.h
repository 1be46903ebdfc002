// Writes one record into the process's ring.
//
// Must stay true: wait-free, no system call but to wake a supervisor that sleeps and, in preload mode, for the first few of an image;
// async-signal-safe; a record that does not fit is counted, never waited for.
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
    const char* frame = nullptr;  // of the hook; null: of emit()
};

// A ring without granules has its records told by words (state.h).
void emit(const wire::Ring& ring, const Emission& e);

// Wakes the supervisor, if the program has not confined itself; async-signal-safe, errno is kept. To be called where
// wire::reader_waits(): rarely, as it sleeps only after a while in which nobody had anything to tell.
void wake_reader(const wire::Ring& ring);

// All but the stamp.
inline void fill_header(wire::RecordHeader& h, const Emission& e, size_t payload) {
    h.kind = static_cast<uint16_t>(e.kind);
    h.call = e.call;
    h.origin = static_cast<uint8_t>(wire::Origin::shim);
    h.flags = static_cast<uint8_t>(e.flags | wire::kTimeTsc);
    h.payload = static_cast<uint16_t>(payload);
    h.tid = recorded_tid();
    h.time = __builtin_ia32_rdtsc();
    h.result = e.result;
}
// Sends the record to the meeting place (word.cc). False: it did not get through.
bool tell_record(const Emission& e);

}  // namespace undercoat::shim
