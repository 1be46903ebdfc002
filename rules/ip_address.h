// IP addresses and networks as values of fields and as literals in conditions.
//
// Must stay true: an address compares equal only to one of its own family; an IPv4-mapped IPv6 address stays IPv6.
// Unused bytes are zero, so that equality is a comparison of all members.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace undercoat::rules {

struct IpAddress {
    std::array<uint8_t, 16> bytes{};  // network order; an IPv4 address fills the first four
    bool v6 = false;

    static IpAddress v4(const void* four_bytes_network_order);
    static IpAddress v6_from(const void* sixteen_bytes_network_order);
    // Dotted or IPv6 text without zone; nothing else is accepted.
    static std::optional<IpAddress> parse(std::string_view text);
    std::string to_string() const;
    bool operator==(const IpAddress&) const = default;
};

struct IpNetwork {
    IpAddress address;
    uint8_t prefix = 0;  // bits, 0..32 or 0..128

    // CIDR text; a bare address is the network of that one host.
    static std::optional<IpNetwork> parse(std::string_view text);
    bool contains(const IpAddress& a) const;
    std::string to_string() const;
    bool operator==(const IpNetwork&) const = default;
};

}  // namespace undercoat::rules
