// What the ring tests share: a ring in anonymous shared memory, and records whose content can be checked from themselves.
//
// Must stay true: check_record() accepts exactly what write_record() writes; a torn, mixed or repeated record fails it.
#pragma once

#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "wire/local/ring_reader.h"

namespace undercoat::wire::testing {

// Owns the memory of one ring; shared with children of fork.
class TestRing {
public:
    explicit TestRing(uint32_t granules) : bytes_(kControlSize + granules * kGranule) {
        memory_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        ring_.control = static_cast<RingControl*>(memory_);
        ring_.control->magic = kRingMagic;
        ring_.control->abi = kAbi;
        ring_.control->granules = granules;
        ring_.data = static_cast<uint8_t*>(memory_) + kControlSize;
        ring_.granules = granules;
    }
    ~TestRing() { munmap(memory_, bytes_); }
    TestRing(const TestRing&) = delete;
    TestRing& operator=(const TestRing&) = delete;
    const Ring& operator*() const { return ring_; }

private:
    size_t bytes_;
    void* memory_;
    Ring ring_;
};

// The byte at `i` of the payload of record (writer, seq).
inline uint8_t pattern(uint32_t writer, uint64_t seq, size_t i) {
    return static_cast<uint8_t>((writer * 131 + seq * 31 + i * 7) & 0xff);
}

// Payload length of record (writer, seq): varied, so that records end everywhere in a granule. At least 4 (one TLV header).
inline size_t payload_of(uint32_t writer, uint64_t seq, size_t max_data) {
    return 4 + (writer * 2654435761u + seq * 40503u) % (max_data + 1);
}

inline void fill_payload(uint8_t* memory, size_t payload, uint32_t writer, uint64_t seq) {
    std::vector<uint8_t> data(payload - 4);
    for (size_t i = 0; i < data.size(); ++i) data[i] = pattern(writer, seq, i);
    PayloadWriter w(memory, memory + payload);
    w.put(Tag::text, 3, data.data(), data.size());
}

inline RecordHeader header_of(uint32_t writer, uint64_t seq, size_t payload) {
    RecordHeader h{};
    h.kind = static_cast<uint16_t>(RecordKind::call);
    h.call = static_cast<uint16_t>(seq % 400);
    h.origin = static_cast<uint8_t>(Origin::shim);
    h.payload = static_cast<uint16_t>(payload);
    h.tid = writer;
    h.time = seq;
    h.result = static_cast<int64_t>(seq * 3 + writer);
    return h;
}

// False when the ring is full.
inline bool write_record(const Ring& ring, uint32_t writer, uint64_t seq, size_t max_data) {
    const size_t payload = payload_of(writer, seq, max_data);
    const Reservation v = reserve(ring, payload);
    if (v.n == 0) return false;
    fill_payload(v.memory + kHeaderSize, payload, writer, seq);
    commit(ring, v, header_of(writer, seq, payload));
    return true;
}

// True when the record is one that write_record() wrote, byte by byte.
inline bool check_record(const uint8_t* copy, size_t size, size_t max_data) {
    RecordView view(copy, size);
    if (!view.valid()) return false;
    const RecordHeader& h = view.header();
    if (h.payload != payload_of(h.tid, h.time, max_data) || h.result != static_cast<int64_t>(h.time * 3 + h.tid)) return false;
    size_t tlvs = 0;
    bool same = true;
    view.each([&](Tlv t) {
        ++tlvs;
        same = same && t.tag == Tag::text && t.index == 3 && t.size + 4u == h.payload;
        for (size_t i = 0; same && i < t.size; ++i) same = t.data[i] == pattern(h.tid, h.time, i);
        return true;
    });
    return same && tlvs == 1;
}

}  // namespace undercoat::wire::testing
