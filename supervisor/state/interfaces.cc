// Reads the interface addresses.
#include "supervisor/state/interfaces.h"

#include "base/unique_fd.h"

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
    if (read_ == UINT64_MAX || (read_ != 0 && now < read_ + kInterval)) return;
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
    const bool listed = read_ == UINT64_MAX;  // of those the reference takes ::1 for local only if it is among them
    if (loopback(a) && (!listed || a.family == event::Address::Family::ipv4)) return true;
    refresh(now);
    for (const event::Address& own : addresses_)
        if (same_ip(own, a)) return true;
    for (const Interface& own : foreign_)
        if (same_ip(own.address, a)) return true;
    return false;
}

// The first in the same network, else the first that is not the loopback.
event::Address Interfaces::foreign_source(const event::Address& to) const {
    const Interface* chosen = nullptr;
    for (const Interface& i : foreign_) {
        if (i.address.family != to.family) continue;
        bool same = true;
        for (size_t b = 0; b < sizeof to.bytes; ++b)
            same = same && (i.address.bytes[b] & i.netmask[b]) == (to.bytes[b] & i.netmask[b]);
        if (same) return i.address;
        if (chosen == nullptr && !loopback(i.address)) chosen = &i;
    }
    return chosen != nullptr ? chosen->address : event::Address{};
}

event::Address Interfaces::source_for(const event::Address& to) const {
    if (read_ == UINT64_MAX) return foreign_source(to);
    sockaddr_storage peer{}, own{};
    socklen_t size = 0;
    if (to.family == event::Address::Family::ipv4) {
        auto& in = reinterpret_cast<sockaddr_in&>(peer);
        in.sin_family = AF_INET;
        in.sin_port = htons(9);
        std::memcpy(&in.sin_addr, to.bytes, 4);
        size = sizeof in;
    } else if (to.family == event::Address::Family::ipv6) {
        auto& in = reinterpret_cast<sockaddr_in6&>(peer);
        in.sin6_family = AF_INET6;
        in.sin6_port = htons(9);
        std::memcpy(&in.sin6_addr, to.bytes, 16);
        size = sizeof in;
    }
    const UniqueFd probe(socket(peer.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (size == 0 || !probe || connect(probe.get(), reinterpret_cast<sockaddr*>(&peer), size) != 0) return {};
    if (getsockname(probe.get(), reinterpret_cast<sockaddr*>(&own), &size) != 0) return {};
    return event::parse_sockaddr(&own, size);
}

}  // namespace undercoat::state
