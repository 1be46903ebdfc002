// See emit.h.
#include "libshim/emit.h"

namespace undercoat::shim {

void emit(const wire::Ring& ring, const Emission& e) {
    if (!can_record(ring)) return wire::count_drop(ring, wire::Drop::no_clock);
    size_t size = e.nargs ? wire::PayloadWriter::tlv(e.nargs * 8) : 0;
    for (uint32_t i = 0; i < e.npieces; i++) size += wire::PayloadWriter::tlv(e.pieces[i].size);
    const wire::Reservation v = wire::reserve(ring, size);
    if (!v.n) {
        wire::count_drop(ring,
                         wire::kHeaderSize + size > wire::kMaxRecord ? wire::Drop::too_big : wire::Drop::ring_full);
        return;
    }
    uint8_t* payload = v.memory + wire::kHeaderSize;
    wire::PayloadWriter w(payload, payload + size);
    if (e.nargs) w.put(wire::Tag::args, 0, e.args, e.nargs * 8);
    for (uint32_t i = 0; i < e.npieces; i++) {
        const Piece& p = e.pieces[i];
        w.put(p.tag, p.index, p.data, p.size);
    }
    wire::RecordHeader h{};
    h.kind = static_cast<uint16_t>(e.kind);
    h.call = e.call;
    h.origin = static_cast<uint8_t>(wire::Origin::shim);
    h.flags = static_cast<uint8_t>(e.flags | wire::kTimeTsc);
    h.payload = static_cast<uint16_t>(w.size());
    h.tid = current_tid();
    h.time = __builtin_ia32_rdtsc();
    h.result = e.result;
    wire::commit(ring, v, h);
    // The reader's core holds the next granules since the last lap: have them brought while the program goes on.
    for (uint64_t ahead = 0; ahead < 3; ahead++) asm volatile("prefetchw %0" : : "m"(*ring.at(v.pos + v.n + ahead)));
}

}  // namespace undercoat::shim
