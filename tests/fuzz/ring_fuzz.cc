// libFuzzer target: hostile ring memory and a hostile control page against RingReader, and every record it hands out
// against RecordView.
//
// Input: 1 byte log2 of the ring's size in granules (4..9), 1 byte mode bits, 8 bytes position, 8 bytes head, then
// ring memory (repeated to fill it). Must stay true: whatever the input, positions only grow, the reader ends, and
// nothing outside the ring and the record's copy is touched (the ring lies in a heap block of its exact size, so that
// AddressSanitizer sees any step beyond it).
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "wire/local/ring_reader.h"

namespace {

using namespace undercoat::wire;

void require(bool ok, const char* what) {
    if (ok) return;
    std::fprintf(stderr, "ring_fuzz: %s\n", what);
    std::abort();
}

// With mode bit 0 the stamps of the positions to be read get the right lap, else hardly any input would pass the
// first check.
void mend_stamps(const Ring& ring, uint64_t position) {
    for (uint64_t i = 0; i < ring.granules; ++i) {
        uint64_t s = *ring.stamp(position + i);
        if (s & 0x80) continue;
        *ring.stamp(position + i) = make_stamp(position + i, ring.granules, s >> 16 & 0x1f, 1 + (s >> 8 & 1));
    }
}

void read_record(const uint8_t* copy, size_t size) {
    RecordView view(copy, size);
    require(view.header().payload <= kMaxRecord, "a payload longer than any record");
    if (!view.valid()) return;
    uint64_t sum = 0;
    view.each([&](Tlv t) {
        for (size_t i = 0; i < t.size; ++i) sum += t.data[i];
        return true;
    });
    require(sum <= 255 * kMaxRecord, "more bytes than the record has");
}

void drain(RingReader& reader, uint32_t granules, bool skip) {
    const uint64_t start = reader.position();
    // Exactly as large as the longest record: one byte more is seen.
    std::vector<uint8_t> copy(kMaxRecord);
    uint64_t last = start;
    for (uint64_t steps = 0;; ++steps) {
        require(steps <= granules + 1, "the reader does not end");
        size_t size = 0;
        const ReadStatus s = reader.next(copy.data(), &size, skip);
        require(reader.position() - start <= granules, "the position left the ring");
        require(reader.position() - start >= last - start, "the position went back");
        if (s == ReadStatus::record) {
            require(reader.position() != last, "one record twice");
            require(size >= kHeaderSize && size <= kMaxRecord, "a record's size is out of bounds");
            std::vector<uint8_t> exact(copy.begin(), copy.begin() + static_cast<ptrdiff_t>(size));
            read_record(exact.data(), exact.size());
        }
        last = reader.position();
        if (s != ReadStatus::record && s != ReadStatus::skipped) return;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 18) return 0;
    Ring ring;
    ring.granules = 1u << (4 + data[0] % 6);
    const uint8_t mode = data[1];
    uint64_t position = 0, head = 0;
    std::memcpy(&position, data + 2, 8);
    std::memcpy(&head, data + 10, 8);
    data += 18;
    size -= 18;
    auto control = std::make_unique<RingControl>();
    const size_t bytes = ring.granules * kGranule;
    auto memory = std::unique_ptr<uint8_t, decltype(&std::free)>(static_cast<uint8_t*>(std::aligned_alloc(64, bytes)), &std::free);
    for (size_t i = 0; i < bytes; ++i) memory.get()[i] = size ? data[i % size] : 0;
    ring.control = control.get();
    ring.data = memory.get();
    control->head = mode & 2 ? position + head % (ring.granules + 2) : head;
    if (mode & 1) mend_stamps(ring, position);
    RingReader reader(ring, position);
    drain(reader, ring.granules, (mode & 4) != 0);
    reader.publish();
    return 0;
}
