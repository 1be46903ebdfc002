// Which instrument of several that start at once, each beside its application, serves the container.
//
// Must stay true: the claim is the kernel's (flock) and ends with its holder, however that ends; containers that share a
// directory, but not their mounts, do not see each other's.
#pragma once

#include <span>
#include <string>

#include "base/unique_fd.h"
#include "wire/local/handover.h"

namespace undercoat::instrument {

class Claim {
public:
    // Waits until the claim is ours, or its holder serves at `meet`; at most some seconds, then it is nobody's. Where no
    // directory can be written it is ours.
    using Places = std::span<const char* const>;
    static Claim take(Places places = wire::kMeetingPlaces);
    bool ours() const { return ours_; }
    const std::string& meet() const { return meet_; }
    // Tells those who wait where we serve. Empty: nowhere.
    void serve(const std::string& meet);

private:
    UniqueFd file_;
    bool ours_ = true;
    std::string meet_;
};

}  // namespace undercoat::instrument
