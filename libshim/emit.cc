// See emit.h.
#include "libshim/emit.h"

#include <asm/unistd.h>

#include "libshim/open_record.h"
#include "libshim/raw_syscall.h"

namespace undercoat::shim {
namespace {

// A process that goes on saying things is given a ring; one whom nobody hears falls silent.
[[gnu::noinline]] void say(wire::RingControl& said, const Emission& e) {
    constexpr uint64_t kMostWords = 8;
    if (g_image.off) return;
    const bool heard = tell_record(e);
    if (!heard) wire::count_drop({&said, nullptr, 0}, wire::Drop::ring_full);
    if (__atomic_add_fetch(&said.head, 1, __ATOMIC_RELAXED) % kMostWords == 0) take_ring(heard);
}

}  // namespace

[[gnu::noinline, gnu::cold]] void wake_reader(const wire::Ring& ring) {
    constexpr int kFutexWake = 1;
    // Tells the supervisor that it waits in vain: it looks every few milliseconds again.
    if (g_image.off) __atomic_store_n(&ring.control->sealed, 1, __ATOMIC_RELAXED);
    if (__atomic_load_n(&ring.control->sealed, __ATOMIC_RELAXED)) return;
    if (wire::takes_wake_up(ring)) own_call(__NR_futex, &ring.control->reader_waits, kFutexWake, 1);
}

void emit(const wire::Ring& ring, const Emission& e) {
    if (!can_record(ring)) return wire::count_drop(ring, wire::Drop::no_clock);
    size_t size = e.nargs ? wire::PayloadWriter::tlv(e.nargs * 8) : 0;
    for (uint32_t i = 0; i < e.npieces; i++) size += wire::PayloadWriter::tlv(e.pieces[i].size);
    if (!ring.granules) return say(*ring.control, e);
    const char* const frame = e.frame ? e.frame : static_cast<const char*>(__builtin_frame_address(0));
    wire::Reservation v;
    wire::RecordHeader h{};
    OpenRecord before;
    do {
        before = before_record(ring, frame);
        const wire::Claim claim = wire::claim(ring, size);
        if (!claim.n) {
            const bool too_big = wire::kHeaderSize + size > wire::kMaxRecord;
            // Without its result a call that the trap has recorded is told all the same; the reader counts what it waited for in vain.
            if (e.kind != wire::RecordKind::result || too_big)
                wire::count_drop(ring, too_big ? wire::Drop::too_big : wire::Drop::ring_full);
            return;
        }
        // Before its memory is touched: the first touch of a page takes long enough for a signal.
        note({claim.pos, claim.pad, claim.n, frame, ring.control});
        v = wire::prepare(ring, claim);
        uint8_t* payload = v.memory + wire::kHeaderSize;
        wire::PayloadWriter w(payload, payload + size);
        if (e.nargs) w.put(wire::Tag::args, 0, e.args, e.nargs * 8);
        for (uint32_t i = 0; i < e.npieces; i++) {
            const Piece& p = e.pieces[i];
            w.put(p.tag, p.index, p.data, p.size);
        }
        fill_header(h, e, w.size());
    } while (!settle(ring, v, h, before));
    if (wire::reader_waits(ring)) [[unlikely]]
        wake_reader(ring);
    // The reader's core holds the next granules since the last lap: have them brought while the program goes on.
    for (uint64_t ahead = 0; ahead < 3; ahead++) asm volatile("prefetchw %0" : : "m"(*ring.at(v.pos + v.n + ahead)));
}

}  // namespace undercoat::shim
