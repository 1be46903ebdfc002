// The shared memory that survives the supervisor: registry, trap ring, shim rings.
//
// Must stay true: every memfd is sealed against growing and shrinking before anybody else sees it.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"
#include "supervisor/instrument/vault.h"
#include "wire/local/registry.h"

namespace undercoat::instrument {

struct MappedRing {
    UniqueFd fd;
    wire::Ring ring;
    size_t size() const { return wire::kControlSize + size_t{ring.granules} * wire::kGranule; }
};

// A new ring with its control page filled in: everything captured is wanted, results too, until the supervisor narrows it.
// `file`: an empty sealable memory file of somebody else's making, to be used instead of a new one; whatever else it is, is refused.
Result<MappedRing> make_ring(uint32_t ring_id, uint32_t granules, wire::CaptureMode mode, UniqueFd file = {});
void unmap_ring(MappedRing& ring);

struct Shared {
    UniqueFd registry_fd;
    wire::Registry* registry = nullptr;
    MappedRing trap;  // registry slot 0, ring id 1
};
Result<Shared> make_shared_memory();
// That of a trap process that has died, out of what it kept (vault.h); takes the two descriptors it needs.
Result<Shared> restore_shared_memory(std::vector<Kept>& kept);
// A ring that was made before, of this size and id.
Result<MappedRing> restore_ring(UniqueFd fd, uint32_t granules, uint32_t ring_id);

inline constexpr uint32_t kTrapRingId = 1;

}  // namespace undercoat::instrument
