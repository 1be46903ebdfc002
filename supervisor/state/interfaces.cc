// Reads the interface addresses.
#include "supervisor/state/interfaces.h"

#include <cstring>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace undercoat::state {
namespace {

bool same_ip(const event::Address& a, const event::Address& b) {
    return a.family == b.family && std::memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

bool loopback(const event::Address& a) {
    if (a.family == event::Address::Family::ipv4) return a.bytes[0] == 127;
    static constexpr uint8_t kOne[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    return a.family == event::Address::Family::ipv6 && std::memcmp(a.bytes, kOne, 16) == 0;
}

}  // namespace

void Interfaces::refresh(uint64_t now) const {
    if (read_ != 0 && now < read_ + kInterval) return;
    read_ = now == 0 ? 1 : now;
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0) return;
    addresses_.clear();
    for (const ifaddrs* i = list; i != nullptr; i = i->ifa_next) {
        if (i->ifa_addr == nullptr) continue;
        const int family = i->ifa_addr->sa_family;
        if (family != AF_INET && family != AF_INET6) continue;
        addresses_.push_back(event::parse_sockaddr(i->ifa_addr, family == AF_INET ? sizeof(sockaddr_in)
                                                                                  : sizeof(sockaddr_in6)));
    }
    freeifaddrs(list);
}

bool Interfaces::is_local(const event::Address& a, uint64_t now) const {
    if (loopback(a)) return true;
    refresh(now);
    for (const event::Address& own : addresses_)
        if (same_ip(own, a)) return true;
    return false;
}

event::Address Interfaces::any_v4(uint64_t now) const {
    refresh(now);
    for (const event::Address& own : addresses_)
        if (own.family == event::Address::Family::ipv4 && !loopback(own)) return own;
    for (const event::Address& own : addresses_)
        if (own.family == event::Address::Family::ipv4) return own;
    return {};
}

}  // namespace undercoat::state
