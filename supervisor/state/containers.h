// The containers of another machine, whose events are read from a capture.
//
// Must stay true: a Container that was handed out learns what is told of it later; there are never more than kMost.
#pragma once

#include "supervisor/state/container.h"

#include <memory>

namespace undercoat::state {

// The cgroup that newer kernels call io has its older name blkio, as in Falco.
std::string with_old_names(std::string_view cgroups);

class Containers {
public:
    static constexpr size_t kMost = 4096;

    explicit Containers(uint64_t& refused) : refused_(refused) {}
    // What is told of a container; its id says which.
    void learn(const Container& told);
    // The container that a thread's cgroups ("cpu=/docker/<id>", NUL-separated) name; null: none, it is of the host.
    std::shared_ptr<const Container> of_cgroups(std::string_view cgroups);

    // Null where it is not known.
    std::shared_ptr<const Container> find(std::string_view id) const;

private:
    Container* entry(const std::string& id);
    std::map<std::string, std::shared_ptr<Container>, std::less<>> known_;
    uint64_t& refused_;
};

}  // namespace undercoat::state
