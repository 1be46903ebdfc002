// The reader's side of a ring: takes records out of memory that a hostile process can write at any time.
//
// Must stay true: every word is fetched once into private memory and checked before use; the reader's position is its
// own (the caller keeps it where the writers cannot reach it); no content of the ring can make next() loop, read outside
// the mapping, or return the same position twice. Not thread-safe; makes no system call.
#pragma once

#include "wire/local/ring.h"

namespace undercoat::wire {

enum class ReadStatus : uint8_t {
    empty,    // nothing committed at the position; nothing reserved either
    waiting,  // reserved but not committed: a writer is at work, or died there
    record,   // `copy` holds `size` bytes of a committed record, position moved past it
    skipped,  // a hole or a malformed record was passed over; counted by the caller
    corrupt,  // the control page contradicts itself: the ring is to be quarantined
};

class RingReader {
public:
    RingReader() = default;
    // `ring.granules` must come from a checked, private source. `position`: where the last reader stopped.
    RingReader(Ring ring, uint64_t position) : ring_(ring), pos_(position) {}

    uint64_t position() const { return pos_; }
    uint64_t head() const { return __atomic_load_n(&ring_.control->head, __ATOMIC_ACQUIRE); }
    const Ring& ring() const { return ring_; }

    // Copies the next record to `copy` (kMaxRecord bytes). `skip_holes`: what is not committed at the position has been so
    // for too long; pass over it.
    ReadStatus next(uint8_t* copy, size_t* size, bool skip_holes = false);
    // Tells the writers how far the reader is. Call after the records before position() have been dealt with.
    void publish() { __atomic_store_n(&ring_.control->tail, pos_, __ATOMIC_RELEASE); }

private:
    ReadStatus skip_hole(uint64_t head);
    Ring ring_;
    uint64_t pos_ = 0;
};

inline ReadStatus RingReader::next(uint8_t* copy, size_t* size, bool skip_holes) {
    const uint64_t head = this->head();
    if (head - pos_ > ring_.granules) return ReadStatus::corrupt;
    while (pos_ != head) {
        const uint64_t stamp = __atomic_load_n(ring_.stamp(pos_), __ATOMIC_ACQUIRE);
        const uint64_t n = stamp >> 16 & 0xffff;
        const bool committed = (stamp & ~0xffff0000ULL) == make_stamp(pos_, ring_.granules, 0, kStateCommitted);
        const bool fits = n != 0 && n <= head - pos_ && n <= ring_.granules - (pos_ & (ring_.granules - 1));
        if (!committed || !fits) return skip_holes ? skip_hole(head) : ReadStatus::waiting;
        RecordHeader h;
        __builtin_memcpy(&h, ring_.at(pos_), kHeaderSize);
        const uint8_t* payload = ring_.at(pos_) + kHeaderSize;
        pos_ += n;
        if (h.kind == static_cast<uint16_t>(RecordKind::pad)) continue;
        const size_t bytes = kHeaderSize + h.payload;
        if (bytes > n * kGranule || bytes > kMaxRecord) return ReadStatus::skipped;
        __builtin_memcpy(copy, &h, kHeaderSize);
        __builtin_memcpy(copy + kHeaderSize, payload, h.payload);
        *size = bytes;
        return ReadStatus::record;
    }
    return ReadStatus::empty;
}

// Passes over what a dead writer left: by the length it reserved, else granule by granule to the next stamp of this lap,
// committed or only reserved (that one's writer may be alive: it gets its own time to finish).
inline ReadStatus RingReader::skip_hole(uint64_t head) {
    const uint64_t stamp = __atomic_load_n(ring_.stamp(pos_), __ATOMIC_ACQUIRE);
    const uint64_t n = stamp >> 16 & 0xffff;
    const bool reserved = (stamp & ~0xffff0000ULL) == make_stamp(pos_, ring_.granules, 0, kStateReserved);
    if (reserved && n != 0 && n <= head - pos_) {
        pos_ += n;
        return ReadStatus::skipped;
    }
    while (++pos_ != head) {
        const uint64_t s = __atomic_load_n(ring_.stamp(pos_), __ATOMIC_ACQUIRE) & ~0xffff0000ULL;
        if (s == make_stamp(pos_, ring_.granules, 0, kStateCommitted)) break;
        if (s == make_stamp(pos_, ring_.granules, 0, kStateReserved)) break;
    }
    return ReadStatus::skipped;
}

}  // namespace undercoat::wire
