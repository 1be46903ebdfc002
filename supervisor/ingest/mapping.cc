// Checks and maps shared files.
#include "supervisor/ingest/mapping.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>

namespace undercoat::ingest {

Mapping& Mapping::operator=(Mapping&& o) noexcept {
    std::swap(p_, o.p_);
    std::swap(n_, o.n_);
    return *this;
}

Mapping::~Mapping() {
    if (p_ != nullptr) munmap(p_, n_);
}

Result<Mapping> map_shared(int fd, size_t n) {
    const int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || !(seals & F_SEAL_SHRINK))
        return Error{"A shared file was refused: it is no memfd with the seal F_SEAL_SHRINK, so it could be cut under us."};
    struct stat st {};
    if (fstat(fd, &st) != 0 || static_cast<size_t>(st.st_size) < n)
        return Error{"A shared file was refused: it has " + std::to_string(st.st_size) + " bytes, needed are " +
                     std::to_string(n) + "."};
    void* p = mmap(nullptr, n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED) return Error{std::string("A shared file could not be mapped: ") + std::strerror(errno) + "."};
    return Mapping(p, n);
}

Result<Mapping> map_registry(int fd) {
    Result<Mapping> m = map_shared(fd, sizeof(wire::Registry));
    if (!m) return m;
    const auto* r = static_cast<const wire::Registry*>(m->data());
    if (r->magic != wire::kRegistryMagic || r->abi != wire::kAbi)
        return Error{"The registry was refused: its ABI is " + std::to_string(r->abi) + ", ours is " +
                     std::to_string(wire::kAbi) + "; instrument and supervisor must be of one bundle."};
    return m;
}

Result<Mapping> map_ring(int fd, uint32_t granules) {
    if (granules == 0 || (granules & (granules - 1)) != 0 || granules > wire::kTrapRingGranules)
        return Error{"A ring was refused: its size of " + std::to_string(granules) + " granules is no power of two up to " +
                     std::to_string(wire::kTrapRingGranules) + "."};
    return map_shared(fd, wire::kControlSize + granules * wire::kGranule);
}

wire::Ring ring_of(const Mapping& m, uint32_t granules) {
    auto* base = static_cast<uint8_t*>(m.data());
    return {reinterpret_cast<wire::RingControl*>(base), base + wire::kControlSize, granules};
}

}  // namespace undercoat::ingest
