// Makes shared memory for tests.
#include "tests/unit/supervisor/support/ring_fixture.h"

#include <cstring>
#include <fcntl.h>
#include <stdexcept>
#include <sys/mman.h>
#include <unistd.h>

namespace undercoat::test {

UniqueFd sealed_memfd(size_t n) {
    UniqueFd fd(memfd_create("test", MFD_ALLOW_SEALING | MFD_CLOEXEC));
    if (ftruncate(fd.get(), static_cast<off_t>(n)) != 0 || fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0)
        throw std::runtime_error("memfd");
    return fd;
}

bool TestRing::write(const RecordBuilder& r) {
    const wire::Reservation v = wire::reserve(ring, r.payload().size());
    if (v.n == 0) return false;
    if (!r.payload().empty()) std::memcpy(v.memory + wire::kHeaderSize, r.payload().data(), r.payload().size());
    wire::commit(ring, v, r.header());
    return true;
}

void TestRing::leave_hole(size_t payload) { wire::reserve(ring, payload); }

TestRegistry::TestRegistry() : fd_(sealed_memfd(sizeof(wire::Registry))) {
    mapping_ = std::move(*ingest::map_shared(fd_.get(), sizeof(wire::Registry)));
    get().magic = wire::kRegistryMagic;
    get().abi = wire::kAbi;
}

ingest::Mapping TestRegistry::map() const { return std::move(*ingest::map_registry(fd_.get())); }

TestRing TestRegistry::make_ring(uint32_t slot, uint32_t pid, uint32_t granules) {
    TestRing r;
    r.fd = sealed_memfd(wire::kControlSize + granules * wire::kGranule);
    r.mapping = std::move(*ingest::map_ring(r.fd.get(), granules));
    r.ring = ingest::ring_of(r.mapping, granules);
    *r.ring.control = wire::RingControl{};
    r.ring.control->magic = wire::kRingMagic;
    r.ring.control->abi = wire::kAbi;
    r.ring.control->granules = granules;
    wire::RingSlot& s = get().slots[slot];
    s = wire::RingSlot{};
    s.ring_id = r.ring.control->ring_id = 100 + slot;
    s.pid = pid;
    s.granules = granules;
    s.state = static_cast<uint32_t>(wire::SlotState::live);
    return r;
}

}  // namespace undercoat::test
