// Memory shared with instrument and the workload: the registry and the rings.
//
// Must stay true: a file is mapped only if it cannot shrink (a seal) and is as large as a checked, private source says, so
// that no access to it can fault; sizes are never taken from the shared memory itself.
#pragma once

#include "base/result.h"
#include "wire/local/registry.h"

#include <cstddef>
#include <utility>

namespace undercoat::ingest {

class Mapping {
public:
    Mapping() = default;
    Mapping(void* p, size_t n) : p_(p), n_(n) {}
    Mapping(Mapping&& o) noexcept : p_(std::exchange(o.p_, nullptr)), n_(std::exchange(o.n_, 0)) {}
    Mapping& operator=(Mapping&& o) noexcept;
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping();
    void* data() const { return p_; }
    explicit operator bool() const { return p_ != nullptr; }

private:
    void* p_ = nullptr;
    size_t n_ = 0;
};

// Maps the first n bytes of the file. The error says what is wrong with it.
Result<Mapping> map_shared(int fd, size_t n);
// The registry: right magic and ABI. The ring of `granules` granules: a power of two and not above the largest.
Result<Mapping> map_registry(int fd);
Result<Mapping> map_ring(int fd, uint32_t granules);
wire::Ring ring_of(const Mapping& m, uint32_t granules);

}  // namespace undercoat::ingest
