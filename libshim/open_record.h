// The record that a thread has reserved and not yet committed, known to what interrupts it.
//
// A handler that leaves by siglongjmp() leaves the record behind: a hole for which the reader waits, as it cannot know that nobody will
// fill it. The thread's next record makes it void. Must stay true: thread-local, no locks, a few instructions for each record; when
// a frame is taken for left that is not (a handler on another stack), the record is written once more, never lost.
#pragma once

#include "libshim/state.h"

namespace undercoat::shim {

struct OpenRecord {
    uint64_t pos;  // what it claimed, see wire::Claim
    uint32_t pad;
    uint32_t n;         // 0: there is none
    const char* frame;  // of the hook that writes it
    const void* ring;   // its control page: a fork's child has another
};
extern "C" __thread OpenRecord t_open_record __attribute__((tls_model("initial-exec")));

// To be called with the hook's frame before it reserves: makes void what a frame that is gone has left. Returns what was open, which
// settle() puts back.
[[gnu::always_inline]] inline OpenRecord before_record(const wire::Ring& ring, const char* frame) {
    // What interrupts a frame on the same stack lies below it, by the red zone and the registers that the kernel saves at least.
    constexpr long kSignalFrame = 512;
    OpenRecord before = t_open_record;
    if (before.n && (before.ring != ring.control || frame - before.frame > -kSignalFrame)) [[unlikely]] {
        if (before.ring == ring.control && wire::make_void(ring, {before.pos, before.pad, before.n})) wire::count_drop(ring, wire::Drop::reentered);
        before = {};
        t_open_record = {};
    }
    return before;
}

// A handler sees all of the note or none of it: `n` is written last and taken away first.
[[gnu::always_inline]] inline void note(const OpenRecord& open) {
    t_open_record.n = 0;
    asm volatile("" : : : "memory");
    t_open_record.pos = open.pos;
    t_open_record.pad = open.pad;
    t_open_record.frame = open.frame;
    t_open_record.ring = open.ring;
    asm volatile("" : : : "memory");
    t_open_record.n = open.n;
    asm volatile("" : : : "memory");
}

// Makes the record visible. False: it was taken for left, and is to be written anew.
[[gnu::always_inline]] inline bool settle(const wire::Ring& ring, const wire::Reservation& v, const wire::RecordHeader& h, const OpenRecord& before) {
    uint64_t stamp = wire::make_stamp(v.pos, ring.granules, v.n, wire::kStateReserved);
    const uint64_t committed = wire::make_stamp(v.pos, ring.granules, v.n, wire::kStateCommitted);
    bool done = __atomic_load_n(ring.stamp(v.pos), __ATOMIC_RELAXED) == stamp;
    if (done) wire::write_header(v, h);
    // Nobody but this thread's handlers writes it meanwhile: no bus lock. Stores are ordered on x86-64.
    asm volatile("cmpxchgq %3, %1" : "=@ccz"(done), "+m"(*ring.stamp(v.pos)), "+a"(stamp) : "r"(committed) : "memory");
    note(before);
    return done;
}

}  // namespace undercoat::shim
