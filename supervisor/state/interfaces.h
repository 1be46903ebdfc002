// The addresses of this host's network interfaces.
//
// Must stay true: read again no more than once every kInterval, so that a changed address is noticed and a flood of events
// costs nothing.
#pragma once

#include "supervisor/event/address.h"

#include <cstdint>
#include <vector>

namespace undercoat::state {

class Interfaces {
public:
    static constexpr uint64_t kInterval = 30'000'000'000;  // ns
    bool is_local(const event::Address& a, uint64_t now) const;
    // The address that stands for 0.0.0.0 as a local end: the first that is no loopback. Family none where there is none.
    event::Address any_v4(uint64_t now) const;

private:
    void refresh(uint64_t now) const;
    mutable std::vector<event::Address> addresses_;
    mutable uint64_t read_ = 0;
};

}  // namespace undercoat::state
