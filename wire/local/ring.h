// The ring: a shared-memory queue of records, many writers (threads of one process image, or the trap threads of
// instrument), one reader (the supervisor). Its first page is the control page.
//
// Freestanding. One sealed memfd: page 0 is RingControl, then `granules` granules of 64 bytes. Must stay true:
//  - a writer reserves after the call it reports, fills, and commits by one release store of the stamp; it never waits,
//    makes no system call but to wake a reader that sleeps, and is safe in a signal handler that interrupts another writer;
//  - positions (head, tail) are granule counts that only grow; the memory of position p is granule p mod granules;
//  - a record is contiguous; the rest of the lap before it is one pad record;
//  - the stamp's lap (position / granules + 1, low 32 bits) tells a committed record from what an earlier lap left there;
//  - the reader trusts nothing in the memory, not even its own tail: it keeps the true one elsewhere and publishes a copy.
#pragma once

#include "wire/local/record.h"

namespace undercoat::wire {

inline constexpr uint32_t kRingMagic = 0x43554e55;  // "UNUC"
inline constexpr size_t kControlSize = 4096;
inline constexpr size_t kBitmapWords = 16;  // calls 0..1023
inline constexpr uint32_t kShimRingGranules = 8192;        // 512 KiB: eight milliseconds of an open+close loop
inline constexpr uint32_t kTrapRingGranules = 512 * 1024; // 32 MiB of address space, touched as used

// Why a record was not written; each is a counter in the control page and a metric.
enum class Drop : uint8_t { ring_full = 0, too_big = 1, reentered = 2, no_clock = 3, count = 8 };

// How a writer behaves when the ring is nearly full.
enum class FullPolicy : uint32_t { trap_door = 0, drop = 1 };

// The control page. Written by: (i) instrument at creation, (s) the supervisor while it runs, (w) the writers.
struct RingControl {
    uint32_t magic;        // (i) kRingMagic
    uint32_t abi;          // (i) kAbi
    uint32_t ring_id;      // (i)
    uint32_t granules;     // (i) a power of two
    uint32_t mode;         // (i) CaptureMode
    uint32_t policy;       // (s) FullPolicy
    int32_t agent_pids[2]; // (i) instrument, supervisor: kills of these take the trap; 0 unknown
    uint64_t generation;   // (s) raised at each change of the bitmaps
    uint64_t wanted[kBitmapWords];       // (s) bit = enum Call: somebody needs this call recorded
    uint64_t want_result[kBitmapWords];  // (s) bit = enum Call: a rule or the state tests its result
    uint64_t names_wanted;               // (s) non-zero: record getaddrinfo names
    alignas(8) uint32_t no_clock;        // (i, w) non-zero: a thread may not read the time stamp counter, so nothing is recorded here
    uint32_t stacks_wanted;              // (s) non-zero: some bit of want_stack is set
    uint64_t want_stack[kBitmapWords];   // (s) bit = enum Call: a rule asks for the caller's stack, so the call takes the trap
    alignas(64) uint64_t head;           // (w) next position to be reserved
    alignas(64) uint64_t tail;           // (s) copy of the reader's position, for the writers' space check only
    alignas(64) uint32_t drops[static_cast<size_t>(Drop::count)];  // (w)
    uint32_t sealed;                     // (i, w) non-zero: the program has confined itself; the shim makes no call that it would not make
    uint32_t reader_waits;               // (s, w) 1: the reader sleeps on this word (futex); who makes it 0 wakes it
};
static_assert(sizeof(RingControl) <= kControlSize);
static_assert(offsetof(RingControl, wanted) == 40);

enum class CaptureMode : uint32_t { full = 0, preload = 1, trap = 2 };

inline constexpr uint64_t kStateReserved = 1, kStateCommitted = 2;

inline uint64_t make_stamp(uint64_t pos, uint64_t granules_total, uint64_t n, uint64_t state) {
    return (pos / granules_total + 1) << 32 | n << 16 | state << 8 | kAbi;
}

inline bool bit(const uint64_t* map, uint16_t call) {
    return call < kBitmapWords * 64 && (__atomic_load_n(&map[call / 64], __ATOMIC_RELAXED) >> (call % 64) & 1);
}

// A ring as mapped by a writer or a reader: control page, then data. `granules` is a private copy of the checked size.
struct Ring {
    RingControl* control = nullptr;
    uint8_t* data = nullptr;
    uint32_t granules = 0;
    uint8_t* at(uint64_t pos) const { return data + (pos & (granules - 1)) * kGranule; }
    uint64_t* stamp(uint64_t pos) const { return reinterpret_cast<uint64_t*>(at(pos)); }
};

struct Reservation {
    uint64_t pos = 0;
    uint32_t n = 0;  // granules; 0: the ring is full
    uint8_t* memory = nullptr;
};

// What one writer has claimed: `pad` granules to the end of the lap, which no record may cross, and `n` for the record.
struct Claim {
    uint64_t pos = 0;
    uint32_t pad = 0;
    uint32_t n = 0;  // 0: the ring is full
};

// Claims room for a record with `payload` bytes, and touches no memory of it. n = 0 when it does not fit; nothing is counted then (the
// caller knows whether it takes the trap door or drops). Wait-free but for contention; async-signal-safe.
inline Claim claim(const Ring& r, size_t payload) {
    if (payload > kMaxRecord - kHeaderSize) return {};
    const uint64_t need = granules_for(payload);
    if (need > r.granules) return {};
    for (;;) {
        // The tail first: a head loaded before it may be overtaken by the tail, and the difference would wrap to "full".
        const uint64_t tail = __atomic_load_n(&r.control->tail, __ATOMIC_ACQUIRE);
        uint64_t head = __atomic_load_n(&r.control->head, __ATOMIC_RELAXED);
        const uint64_t offset = head & (r.granules - 1);
        const uint64_t pad = offset + need > r.granules ? r.granules - offset : 0;
        if (head + pad + need - tail > r.granules) return {};
        if (__atomic_compare_exchange_n(&r.control->head, &head, head + pad + need, true, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            return {head, static_cast<uint32_t>(pad), static_cast<uint32_t>(need)};
    }
}

// Makes granules that one writer has claimed a record that the reader passes over. Async-signal-safe.
inline void write_pad(const Ring& r, uint64_t pos, uint32_t n) {
    RecordHeader h{0, static_cast<uint16_t>(RecordKind::pad), 0xffff, 0, 0, 0, 0, 0, 0, 0};
    __builtin_memcpy(r.at(pos) + 8, reinterpret_cast<uint8_t*>(&h) + 8, kHeaderSize - 8);
    __atomic_store_n(r.stamp(pos), make_stamp(pos, r.granules, n, kStateCommitted), __ATOMIC_RELEASE);
}

// The claim as room for the record. n = 0 as in claim(). Async-signal-safe.
inline Reservation prepare(const Ring& r, const Claim& c) {
    if (c.n == 0) return {};
    if (c.pad) write_pad(r, c.pos, c.pad);
    const uint64_t at = c.pos + c.pad;
    __atomic_store_n(r.stamp(at), make_stamp(at, r.granules, c.n, kStateReserved), __ATOMIC_RELEASE);
    return {at, c.n, r.at(at)};
}

inline Reservation reserve(const Ring& r, size_t payload) { return prepare(r, claim(r, payload)); }

// Writes the header but for its stamp. Async-signal-safe.
inline void write_header(const Reservation& v, const RecordHeader& h) {
    // Whole words, put together in registers: copying the struct would load across its narrower stores and stall.
    const uint64_t words[4] = {h.kind | uint64_t{h.call} << 16 | uint64_t{h.origin} << 32 | uint64_t{h.flags} << 40 | uint64_t{h.payload} << 48,
                               h.pid | uint64_t{h.tid} << 32, h.time, static_cast<uint64_t>(h.result)};
    for (size_t i = 0; i < 4; i++) __builtin_memcpy(v.memory + 8 + i * 8, &words[i], 8);
}

// Writes the header and makes the record visible. Async-signal-safe.
inline void commit(const Ring& r, const Reservation& v, const RecordHeader& h) {
    write_header(v, h);
    __atomic_store_n(r.stamp(v.pos), make_stamp(v.pos, r.granules, v.n, kStateCommitted), __ATOMIC_RELEASE);
}

// Makes void what the calling thread claimed and will not commit: the reader passes over it. False: it is committed, or the reader has given
// it up. Async-signal-safe.
inline bool make_void(const Ring& r, const Claim& c) {
    const uint64_t at = c.pos + c.pad, tail = __atomic_load_n(&r.control->tail, __ATOMIC_ACQUIRE);
    const bool passed = static_cast<int64_t>(tail - at) > 0;  // then it may be another's
    if (passed || __atomic_load_n(r.stamp(at), __ATOMIC_ACQUIRE) == make_stamp(at, r.granules, c.n, kStateCommitted)) return false;
    if (c.pad) write_pad(r, c.pos, c.pad);
    write_pad(r, at, c.n);
    return true;
}

// Whether the reader sleeps. To be asked after commit(): claiming is a full barrier, and the reader looks at the head once more before
// it sleeps, so one of the two sees the other.
inline bool reader_waits(const Ring& r) { return __atomic_load_n(&r.control->reader_waits, __ATOMIC_RELAXED) != 0; }
// True: the caller is the one to wake it, by FUTEX_WAKE (shared) of RingControl::reader_waits.
inline bool takes_wake_up(const Ring& r) { return __atomic_exchange_n(&r.control->reader_waits, 0, __ATOMIC_RELAXED) != 0; }

// True when a writer should take the trap door: less than a quarter of the ring is free.
inline bool nearly_full(const Ring& r) {
    const uint64_t used = __atomic_load_n(&r.control->head, __ATOMIC_RELAXED) - __atomic_load_n(&r.control->tail, __ATOMIC_RELAXED);
    return used > r.granules - r.granules / 4;
}

inline void count_drop(const Ring& r, Drop d) {
    __atomic_fetch_add(&r.control->drops[static_cast<size_t>(d)], 1, __ATOMIC_RELAXED);
}

}  // namespace undercoat::wire
