// Socket addresses as events carry them.
//
// Must stay true: unused bytes are zero; a tuple's source is the client's end and its destination the server's, as in
// Falco: for connect source = local, for accept source = peer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace undercoat::event {

struct Address {
    enum class Family : uint8_t { none, ipv4, ipv6, unix_path, netlink, other };
    Family family = Family::none;
    uint16_t port = 0;          // host order
    uint8_t bytes[16] = {};     // network order; IPv4 fills the first four
    uint16_t native_family = 0; // AF_*, for `other`
    std::string_view path{};    // unix: the path; of an abstract name without its leading NUL

    bool is_ip() const { return family == Family::ipv4 || family == Family::ipv6; }
    bool is_any() const;  // 0.0.0.0 or ::
    bool operator==(const Address&) const = default;
};

struct Tuple {
    Address source;
    Address destination;
    bool operator==(const Tuple&) const = default;
};

// Reads a struct sockaddr of n bytes from hostile memory. Family none where it is malformed. `path` points into data.
Address parse_sockaddr(const void* data, size_t n);
// "1.2.3.4:80", "::1:80", a path; "" for none. Falco's form: no brackets around IPv6.
std::string to_text(const Address& a);
// "1.2.3.4:5->6.7.8.9:10". A unix tuple shows "0->0 path", as kernel addresses are not known.
std::string to_text(const Tuple& t);
// The address alone, without port.
std::string ip_text(const Address& a);

}  // namespace undercoat::event
