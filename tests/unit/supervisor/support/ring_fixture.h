// A registry and rings in memfds, as instrument makes them.
#pragma once

#include "base/unique_fd.h"
#include "supervisor/ingest/mapping.h"
#include "tests/unit/supervisor/support/record_builder.h"

#include <cstdint>

namespace undercoat::test {

// A memfd of n bytes that cannot shrink.
UniqueFd sealed_memfd(size_t n);

struct TestRing {
    UniqueFd fd;
    ingest::Mapping mapping;
    wire::Ring ring;
    // False when the ring is full.
    bool write(const RecordBuilder& r);
    // Reserves and never commits, as a writer that was killed.
    void leave_hole(size_t payload = 0);
    uint64_t head() const { return __atomic_load_n(&ring.control->head, __ATOMIC_ACQUIRE); }
};

class TestRegistry {
public:
    TestRegistry();
    wire::Registry& get() { return *static_cast<wire::Registry*>(mapping_.data()); }
    // A second mapping, as the supervisor makes it.
    ingest::Mapping map() const;
    int fd() const { return fd_.get(); }
    // Slot 0 is the trap ring. The ring's number is 100 + slot.
    TestRing make_ring(uint32_t slot, uint32_t pid, uint32_t granules = 256);

private:
    UniqueFd fd_;
    ingest::Mapping mapping_;
};

}  // namespace undercoat::test
