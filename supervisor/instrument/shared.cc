// See shared.h.
#include "supervisor/instrument/shared.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>

#include "supervisor/instrument/fds.h"
#include "supervisor/instrument/held_place.h"
#include "wire/local/calls.h"

namespace undercoat::instrument {
namespace {

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

// Gives the file its size for ever.
Result<UniqueFd> seal(UniqueFd owned, size_t size) {
    struct stat now {};
    if (ftruncate(owned.get(), static_cast<off_t>(size)) != 0 ||
        fcntl(owned.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0 || fstat(owned.get(), &now) != 0)
        return Error{std::string("shared memory of ") + std::to_string(size) + " bytes: " + strerror(errno) + "."};
    if (now.st_size != static_cast<off_t>(size)) return Error{"shared memory changed its size."};
    return owned;
}

Result<UniqueFd> make_memfd(const char* name, size_t size) {
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL) fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return Error{std::string("memfd_create failed: ") + strerror(errno) + "."};
    return seal(move_high(UniqueFd(fd)), size);
}

Result<void*> map(int fd, size_t size) {
    void* p = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED) return Error{std::string("mmap of shared memory failed: ") + strerror(errno) + "."};
    return p;
}

}  // namespace

Result<MappedRing> make_ring(uint32_t ring_id, uint32_t granules, wire::CaptureMode mode, UniqueFd file) {
    MappedRing r;
    r.ring.granules = granules;
    auto fd = file ? seal(std::move(file), r.size()) : make_memfd("undercoat-ring", r.size());
    if (!fd) return Error{fd.error()};
    auto memory = map(fd->get(), r.size());
    if (!memory) return Error{memory.error()};
    r.fd = std::move(*fd);
    auto* c = static_cast<wire::RingControl*>(*memory);
    r.ring.control = c;
    r.ring.data = static_cast<uint8_t*>(*memory) + wire::kControlSize;
    c->abi = wire::kAbi;
    c->ring_id = ring_id;
    c->granules = granules;
    c->mode = static_cast<uint32_t>(mode);
    for (uint16_t i = 0; i < wire::kCallCount; ++i) {
        if (!wire::captured(wire::kCalls[i])) continue;
        c->wanted[i / 64] |= uint64_t{1} << (i % 64);
        c->want_result[i / 64] |= uint64_t{1} << (i % 64);
    }
    c->names_wanted = 1;
    __atomic_store_n(&c->magic, wire::kRingMagic, __ATOMIC_RELEASE);
    return r;
}

Result<MappedRing> restore_ring(UniqueFd fd, uint32_t granules, uint32_t ring_id) {
    MappedRing r;
    r.ring.granules = granules;
    auto memory = map(fd.get(), r.size());
    if (!memory) return Error{memory.error()};
    r.fd = std::move(fd);
    r.ring.control = static_cast<wire::RingControl*>(*memory);
    r.ring.data = static_cast<uint8_t*>(*memory) + wire::kControlSize;
    if (r.ring.control->magic == wire::kRingMagic && r.ring.control->ring_id == ring_id) return r;
    unmap_ring(r);
    return Error{"a ring that was kept is another one."};
}

void unmap_ring(MappedRing& r) {
    if (r.ring.control) munmap(r.ring.control, r.size());
    r.ring = {};
    r.fd.reset();
}

HandOver* map_hand_over() {
    void* p = mmap(nullptr, sizeof(HandOver), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? nullptr : static_cast<HandOver*>(p);
}

Result<Shared> restore_shared_memory(std::vector<Kept>& kept) {
    Shared s;
    UniqueFd trap;
    for (Kept& k : kept) {
        if (k.slot == kRegistryItem) s.registry_fd = std::move(k.fd);
        else if (k.slot == 0) trap = std::move(k.fd);
    }
    if (!s.registry_fd || !trap) return Error{"the shared memory was not kept."};
    auto memory = map(s.registry_fd.get(), sizeof(wire::Registry));
    if (!memory) return Error{memory.error()};
    s.registry = static_cast<wire::Registry*>(*memory);
    auto ring = restore_ring(std::move(trap), wire::kTrapRingGranules, kTrapRingId);
    if (!ring) return Error{ring.error()};
    s.trap = std::move(*ring);
    return s;
}

Result<Shared> make_shared_memory() {
    Shared s;
    auto fd = make_memfd("undercoat-registry", sizeof(wire::Registry));
    if (!fd) return Error{fd.error()};
    auto memory = map(fd->get(), sizeof(wire::Registry));
    if (!memory) return Error{memory.error()};
    s.registry_fd = std::move(*fd);
    s.registry = static_cast<wire::Registry*>(*memory);
    s.registry->magic = wire::kRegistryMagic;
    s.registry->abi = wire::kAbi;
    auto ring = make_ring(kTrapRingId, wire::kTrapRingGranules, wire::CaptureMode::full);
    if (!ring) return Error{ring.error()};
    s.trap = std::move(*ring);
    wire::RingSlot& slot = s.registry->slots[0];
    slot.ring_id = kTrapRingId;
    slot.granules = wire::kTrapRingGranules;
    slot.state = static_cast<uint32_t>(wire::SlotState::live);
    return s;
}

}  // namespace undercoat::instrument
