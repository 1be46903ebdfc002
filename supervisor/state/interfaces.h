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
    // The address that the kernel would take as the local end towards `to` (no packet is sent). Family none if unknown.
    static event::Address source_for(const event::Address& to);

private:
    void refresh(uint64_t now) const;
    mutable std::vector<event::Address> addresses_;
    mutable uint64_t read_ = 0;
};

}  // namespace undercoat::state
