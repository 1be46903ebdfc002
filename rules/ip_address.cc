// Text forms of IP addresses and networks, see ip_address.h.
#include "rules/ip_address.h"

#include <arpa/inet.h>
#include <charconv>
#include <cstring>

namespace undercoat::rules {

IpAddress IpAddress::v4(const void* four_bytes_network_order) {
    IpAddress a;
    std::memcpy(a.bytes.data(), four_bytes_network_order, 4);
    return a;
}

IpAddress IpAddress::v6_from(const void* sixteen_bytes_network_order) {
    IpAddress a;
    std::memcpy(a.bytes.data(), sixteen_bytes_network_order, 16);
    a.v6 = true;
    return a;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    char buffer[INET6_ADDRSTRLEN];
    if (text.empty() || text.size() >= sizeof buffer || text.find('\0') != text.npos) return std::nullopt;
    std::memcpy(buffer, text.data(), text.size());
    buffer[text.size()] = '\0';
    uint8_t raw[16];
    if (inet_pton(AF_INET, buffer, raw) == 1) return v4(raw);
    if (inet_pton(AF_INET6, buffer, raw) == 1) return v6_from(raw);
    return std::nullopt;
}

std::string IpAddress::to_string() const {
    char buffer[INET6_ADDRSTRLEN];
    return inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), buffer, sizeof buffer) ? buffer : "";
}

std::optional<IpNetwork> IpNetwork::parse(std::string_view text) {
    size_t slash = text.find('/');
    auto address = IpAddress::parse(text.substr(0, slash));
    if (!address) return std::nullopt;
    unsigned bits = address->v6 ? 128 : 32;
    if (slash == text.npos) return IpNetwork{*address, static_cast<uint8_t>(bits)};
    std::string_view digits = text.substr(slash + 1);
    unsigned prefix = 0;
    auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
    if (ec != std::errc{} || end != digits.data() + digits.size() || prefix > bits) return std::nullopt;
    return IpNetwork{*address, static_cast<uint8_t>(prefix)};
}

bool IpNetwork::contains(const IpAddress& a) const {
    if (a.v6 != address.v6) return false;
    size_t whole = prefix / 8;
    if (std::memcmp(a.bytes.data(), address.bytes.data(), whole) != 0) return false;
    if (prefix % 8 == 0) return true;
    auto mask = static_cast<uint8_t>(0xff << (8 - prefix % 8));
    return ((a.bytes[whole] ^ address.bytes[whole]) & mask) == 0;
}

std::string IpNetwork::to_string() const {
    return address.to_string() + "/" + std::to_string(prefix);
}

}  // namespace undercoat::rules
