// Who is whose parent, as it was at birth: kept in the registry, so that it survives the supervisor and double forks.
#pragma once

#include <mutex>
#include <sys/types.h>

#include "wire/local/registry.h"

namespace undercoat::instrument {

class LineageBook {
public:
    explicit LineageBook(wire::Registry& registry) : registry_(registry) {}
    void put(pid_t pid, pid_t parent, uint64_t start_time);
    // The parent noted for this very process (pid and start time), or 0.
    pid_t parent_of(pid_t pid, uint64_t start_time);

private:
    static constexpr uint32_t kWindow = 16;
    wire::Lineage& at(pid_t pid, uint32_t i) {
        return registry_.lineage[(static_cast<uint32_t>(pid) * 2654435761u + i) % wire::kLineageSize];
    }
    std::mutex mutex_;
    wire::Registry& registry_;
};

}  // namespace undercoat::instrument
