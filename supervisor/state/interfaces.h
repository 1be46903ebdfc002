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
    struct Interface {
        event::Address address;
        uint8_t netmask[16] = {};  // network order; IPv4 fills the first four
    };

    // From now on these are the interfaces, not this host's.
    void set(std::vector<Interface> interfaces) { foreign_ = std::move(interfaces), read_ = UINT64_MAX; }
    static constexpr uint64_t kInterval = 30'000'000'000;  // ns
    bool is_local(const event::Address& a, uint64_t now) const;
    // The address that the kernel would take as the local end towards `to` (no packet is sent). Family none if unknown.
    event::Address source_for(const event::Address& to) const;

private:
    void refresh(uint64_t now) const;
    event::Address foreign_source(const event::Address& to) const;
    std::vector<Interface> foreign_;
    mutable std::vector<event::Address> addresses_;
    mutable uint64_t read_ = 0;
};

}  // namespace undercoat::state
