// Reading and printing of socket addresses.
#include "supervisor/event/address.h"

#include <arpa/inet.h>
#include <cstddef>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace undercoat::event {

bool Address::is_any() const {
    if (!is_ip()) return false;
    for (uint8_t b : bytes)
        if (b != 0) return false;
    return true;
}

Address parse_sockaddr(const void* data, size_t n) {
    Address a;
    uint16_t family;
    if (n < sizeof family) return a;
    std::memcpy(&family, data, sizeof family);
    a.native_family = family;
    if (family == AF_INET && n >= 8) {
        sockaddr_in in{};
        std::memcpy(&in, data, n < sizeof in ? n : sizeof in);
        a.family = Address::Family::ipv4;
        a.port = ntohs(in.sin_port);
        std::memcpy(a.bytes, &in.sin_addr, 4);
    } else if (family == AF_INET6 && n >= 24) {
        sockaddr_in6 in{};
        std::memcpy(&in, data, n < sizeof in ? n : sizeof in);
        a.family = Address::Family::ipv6;
        a.port = ntohs(in.sin6_port);
        std::memcpy(a.bytes, &in.sin6_addr, 16);
    } else if (family == AF_UNIX) {
        const char* path = static_cast<const char*>(data) + offsetof(sockaddr_un, sun_path);
        size_t len = n - offsetof(sockaddr_un, sun_path);
        if (len > sizeof(sockaddr_un::sun_path)) len = sizeof(sockaddr_un::sun_path);
        a.family = Address::Family::unix_path;
        // An abstract name is shown up to its first NUL, without the leading one.
        if (len > 0 && path[0] == '\0') ++path, --len;
        a.path = {path, strnlen(path, len)};
    } else if (family == AF_NETLINK) {
        a.family = Address::Family::netlink;
    } else if (family != AF_INET && family != AF_INET6) {
        a.family = Address::Family::other;
    }
    return a;
}

std::string ip_text(const Address& a) {
    char text[INET6_ADDRSTRLEN];
    const int family = a.family == Address::Family::ipv4 ? AF_INET : AF_INET6;
    if (!a.is_ip() || inet_ntop(family, a.bytes, text, sizeof text) == nullptr) return {};
    return text;
}

std::string to_text(const Address& a) {
    if (a.is_ip()) return ip_text(a) + ":" + std::to_string(a.port);
    return std::string(a.path);
}

std::string to_text(const Tuple& t) {
    if (t.source.is_ip() || t.destination.is_ip()) return to_text(t.source) + "->" + to_text(t.destination);
    const std::string_view path = t.destination.path.empty() ? t.source.path : t.destination.path;
    if (path.empty()) return {};
    return "0->0 " + std::string(path);
}

}  // namespace undercoat::event
