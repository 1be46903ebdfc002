// Events about sockets.
#include "supervisor/state/impl.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>

namespace undercoat::state {

using event::Event;
using event::ParamValue;
using wire::Call;
using Family = Address::Family;

namespace {

constexpr size_t kMostHostNames = 4096;
constexpr size_t kMostUnplaced = 8;
constexpr uint16_t kFirstEphemeral = 32768;

FdType type_of_family(int64_t family) {
    switch (family) {
        case AF_INET: return FdType::ipv4;
        case AF_INET6: return FdType::ipv6;
        case AF_UNIX: return FdType::unix_socket;
        case AF_NETLINK: return FdType::netlink;
        default: return FdType::unknown;
    }
}

FdType type_of_address(const Address& a) {
    switch (a.family) {
        case Family::ipv4: return FdType::ipv4;
        case Family::ipv6: return FdType::ipv6;
        case Family::unix_path: return FdType::unix_socket;
        case Family::netlink: return FdType::netlink;
        default: return FdType::unknown;
    }
}

// A socket of IPv6 that talks IPv4 (::ffff:1.2.3.4) is one of IPv4, as in Falco; an end that is still :: goes along.
void unmap(Address& a) {
    constexpr uint8_t kMapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (a.family != Family::ipv6 || std::memcmp(a.bytes, kMapped, sizeof kMapped) != 0) return;
    a.family = Family::ipv4;
    std::memmove(a.bytes, a.bytes + sizeof kMapped, 4);
    std::memset(a.bytes + 4, 0, sizeof a.bytes - 4);
}

Tuple unmapped(Tuple t) {
    unmap(t.source), unmap(t.destination);
    if (t.source.family == Family::ipv4 && t.destination.is_any()) t.destination.family = Family::ipv4;
    if (t.destination.family == Family::ipv4 && t.source.is_any()) t.source.family = Family::ipv4;
    return t;
}

L4 l4_of(int64_t type, int64_t protocol) {
    switch (type & 0xf) {
        case SOCK_STREAM: return L4::tcp;
        case SOCK_DGRAM: return protocol == IPPROTO_ICMP ? L4::icmp : L4::udp;
        case SOCK_RAW: return L4::raw;
        default: return L4::unknown;
    }
}

std::optional<Tuple> tuple_of(const Event& e) {
    const ParamValue& p = e.param("tuple");
    if (p.kind != ParamValue::Kind::tuple) return std::nullopt;
    return unmapped(*p.tuple);
}

}  // namespace

// A wildcard as the local end is shown as the address that the kernel takes.
void State::Impl::fix_any(Tuple& t) const {
    if (!t.destination.is_ip() || (t.source.is_ip() && !t.source.is_any())) return;
    if (t.source.is_ip() && t.source.family != t.destination.family) return;
    const uint16_t port = t.source.port;
    const Address own = interfaces.source_for(t.destination);
    if (own.family == t.destination.family) t.source = own;
    t.source.port = port;
}

// A socket as the kernel described it at the trap. The role is known from earlier calls, or guessed by the ports.
FdInfo State::Impl::socket_from(const wire::SocketInfo& s, const FdInfo* known) const {
    FdInfo fd;
    fd.type = type_of_family(s.family);
    if (s.family == AF_INET || s.family == AF_INET6) fd.l4 = l4_of(s.type, s.protocol);
    const auto [local, peer] = unmapped({event::parse_sockaddr(s.local, std::min<size_t>(s.local_len, sizeof s.local)),
                                         event::parse_sockaddr(s.peer, std::min<size_t>(s.peer_len, sizeof s.peer))});
    if (fd.type == FdType::ipv6 && (local.family == Family::ipv4 || peer.family == Family::ipv4)) fd.type = FdType::ipv4;
    if (known != nullptr && known->type == fd.type && known->role != Role::none) {
        const Address& known_local = known->role == Role::client ? known->tuple.source : known->tuple.destination;
        const bool same = known->server_socket || known_local.port == local.port;
        if (same && (peer.is_ip() == known->connected || !fd.is_ip())) return *known;
    }
    // That it has an address of its own says nothing of a socket whose calls were seen: a refused connection leaves one behind.
    const bool unbound = known != nullptr && known->type == fd.type && known->role != Role::server;
    if (peer.is_ip() && local.is_ip()) {
        bool server = local.port < kFirstEphemeral && peer.port >= kFirstEphemeral;
        if (known != nullptr && known->type == fd.type && known->role != Role::none && known->connected)
            server = known->role == Role::server;
        fd.role = server ? Role::server : Role::client;
        fd.connected = true;
        fd.set_tuple(server ? Tuple{peer, local} : Tuple{local, peer});
    } else if (local.is_ip() && local.port != 0 && !unbound) {
        fd.role = Role::server;
        fd.server_socket = true;
        fd.set_tuple(Tuple{{}, local});
    } else if (fd.type == FdType::unix_socket) {
        fd.connected = s.peer_len > 2;
        fd.set_tuple(Tuple{local, peer});
    } else if (known != nullptr && known->type == fd.type) {
        return *known;
    }
    return fd;
}

void State::Impl::apply_socket(Event& e, Thread& t) {
    const int64_t number = number_or(e, "fd", e.result);
    if (number >= 0) {
        FdInfo fd;
        const int64_t domain = number_or(e, "domain", 0);
        fd.type = type_of_family(domain);
        if (domain == AF_INET || domain == AF_INET6) fd.l4 = l4_of(number_or(e, "type", 0), number_or(e, "proto", 0));
        fd.open_flags = static_cast<uint32_t>(number_or(e, "flags", 0));
        if (!knows_number(e, number)) {
            auto& sockets = t.main().unplaced_sockets_;
            if (sockets.size() >= kMostUnplaced) sockets.erase(sockets.begin());
            sockets.push_back(fd);
            scratch = fd;
            context->has_fd = true;
            context->fd_number = number;
            context->fd = &scratch;
            return;
        }
        table.set_fd(t, number, fd);
    }
    use_fd(e, t);
}

// The newest of that family: programs make a socket and use it.
void State::Impl::place_socket(Thread& t, const Address& a) {
    if (context->fd != nullptr || context->fd_number < 0) return;
    auto& sockets = t.main().unplaced_sockets_;
    const FdType type = type_of_address(a);
    const auto found = std::find_if(sockets.rbegin(), sockets.rend(), [&](const FdInfo& s) { return s.type == type && type != FdType::unknown; });
    if (found == sockets.rend()) return;
    context->fd = table.set_fd(t, context->fd_number, *found);
    sockets.erase(std::next(found).base());
}

void State::Impl::apply_bind(Event& e, Thread& t) {
    use_fd(e, t);
    const ParamValue& p = e.param("addr");
    if (p.kind == ParamValue::Kind::address) place_socket(t, *p.address);
    if (!succeeded(e) || p.kind != ParamValue::Kind::address || context->fd_number < 0) return;
    Address a = *p.address;
    unmap(a);
    if ((a.is_ip() && a.port == 0) || (!a.is_ip() && a.family != Family::unix_path)) return;
    FdInfo fd = context->fd != nullptr ? *context->fd : FdInfo{};
    fd.type = type_of_address(a);
    fd.role = Role::server;
    fd.server_socket = true;
    fd.set_tuple(Tuple{{}, a});
    context->fd_name_changed = context->fd == nullptr || context->fd->name != fd.name;
    context->fd = table.set_fd(t, context->fd_number, fd);
}

void State::Impl::apply_connect(Event& e, Thread& t) {
    use_fd(e, t);
    const std::optional<Tuple> tuple = tuple_of(e);
    const ParamValue& addr = e.param("addr");
    if (addr.kind == ParamValue::Kind::address) place_socket(t, *addr.address);
    const int64_t result = number_or(e, "res", e.result);
    if (result < 0 && result != -EINPROGRESS) return;
    if (context->fd_number < 0) return;
    Tuple ends;
    if (tuple) ends = *tuple;
    else if (addr.kind == ParamValue::Kind::address) ends = unmapped({{}, *addr.address});
    else return;
    if (ends.source.family == Family::none) ends.source.family = ends.destination.family;
    FdInfo fd = context->fd != nullptr ? *context->fd : FdInfo{};
    const FdType type = type_of_address(ends.destination);
    if (type == FdType::unknown) return;
    if (fd.l4 == L4::unknown && (type == FdType::ipv4 || type == FdType::ipv6) && e.captured.socket[0] != nullptr)
        fd.l4 = l4_of(e.captured.socket[0]->type, e.captured.socket[0]->protocol);
    if (fd.l4 == L4::unknown && fd.type == FdType::unknown && ends.destination.is_ip()) fd.l4 = L4::tcp;
    fd.type = type;
    fd.role = Role::client;
    fd.server_socket = false;
    fd.connected = true;
    fix_any(ends);
    fd.set_tuple(ends);
    show_ends(e, ends);
    context->fd_name_changed = context->fd == nullptr || context->fd->name != fd.name;
    context->fd = table.set_fd(t, context->fd_number, fd);
}

void State::Impl::apply_listen(Event& e, Thread& t) {
    use_fd(e, t);
    if (!succeeded(e) || context->fd == nullptr || context->fd_number < 0) return;
    FdInfo fd = *context->fd;
    fd.role = Role::server;
    Address own = e.captured.local;
    if (const wire::SocketInfo* s = e.captured.socket[0]; s != nullptr && !own.is_ip())
        own = event::parse_sockaddr(s->local, std::min<size_t>(s->local_len, sizeof s->local));
    if (own.is_ip() && own.port != 0 && !fd.server_socket) {  // the kernel chose the port
        unmap(own);
        fd.server_socket = true;
        fd.type = type_of_address(own);
        fd.set_tuple(Tuple{{}, own});
    }
    context->fd = table.set_fd(t, context->fd_number, fd);
}

// Whoever accepts may tell the peer only, or nothing; the listener knows where it listens.
void State::Impl::complete_accepted(Tuple& ends, const FdInfo& listener) const {
    if (ends.destination.is_ip() && (options.foreign || !ends.destination.is_any())) return;
    const Tuple own = unmapped({ends.source, listener.tuple.destination});
    const bool alike = own.destination.family == ends.source.family || (ends.source.family == Family::none && !options.foreign);
    if (alike && own.destination.is_ip() && ends.destination.port == 0) ends.destination = own.destination;
    if (options.foreign || !ends.source.is_ip() || !ends.destination.is_ip() || !ends.destination.is_any()) return;
    const uint16_t port = ends.destination.port;
    const Address taken = interfaces.source_for(ends.source);
    if (taken.family == ends.source.family) ends.destination = taken;
    ends.destination.port = port;
}

// The event's own tuple has what is known of both ends, too.
void State::Impl::show_ends(Event& e, const Tuple& ends) const {
    const int i = event::find_param(e.info(), "tuple");
    if (!options.foreign && i >= 0 && ends.source.is_ip() && ends.destination.is_ip()) e.set_tuple(static_cast<unsigned>(i), ends);
}

void State::Impl::apply_accept(Event& e, Thread& t) {
    const int64_t number = number_or(e, "fd", e.result);
    context->has_fd = true;
    context->fd_number = number < 0 ? -1 : number;
    if (number < 0) return;
    FdInfo fd;
    const int64_t listener = e.captured.nregs > 0 ? static_cast<int32_t>(e.captured.regs[0]) : -1;
    const FdInfo* from = t.fd(listener);
    Tuple ends;
    if (const std::optional<Tuple> tuple = tuple_of(e)) ends = *tuple;
    if (from != nullptr) fd.type = from->type, fd.l4 = from->l4;
    if (ends.source.family != Family::none) fd.type = type_of_address(ends.source);
    if (from != nullptr) complete_accepted(ends, *from);
    if (fd.is_ip() && fd.l4 == L4::unknown) fd.l4 = L4::tcp;
    fd.role = Role::server;
    fd.connected = true;
    fd.set_tuple(ends);
    if (ends.source.family == Family::none && ends.destination.is_ip()) {  // the client stays unknown, but in the name as an end of no socket
        Tuple shown = ends;
        shown.source.family = ends.destination.family;
        fd.name = event::to_text(shown);
    }
    show_ends(e, ends);
    if (!knows_number(e, number)) {
        context->fd_number = wire::kInferredFd;
        e.set_number(0, wire::kInferredFd);
        scratch = fd;
        context->fd = &scratch;
        context->fd_from_arguments = true;
        return;
    }
    context->fd_name_changed = true;
    context->fd = table.set_fd(t, number, fd);
}

// Datagrams: the peer becomes the socket's, and whoever sends first is the client.
void State::Impl::apply_send(Event& e, Thread& t) {
    use_fd(e, t);
    const std::optional<Tuple> tuple = tuple_of(e);
    if (!tuple || !succeeded(e) || context->fd_number < 0) return;
    const FdInfo* known = context->fd;
    const FdType type = type_of_address(tuple->destination.family != Family::none ? tuple->destination : tuple->source);
    if (type == FdType::unknown) return;
    if (known != nullptr && known->l4 == L4::tcp) return;
    FdInfo fd = known != nullptr ? *known : FdInfo{};
    fd.type = type;
    if (fd.is_ip() && fd.l4 == L4::unknown) {
        fd.l4 = L4::udp;
        if (e.captured.socket[0] != nullptr) fd.l4 = l4_of(e.captured.socket[0]->type, e.captured.socket[0]->protocol);
    }
    const bool sends = e.info().flags & event::kFdWrites;
    if (fd.role == Role::none || fd.server_socket) fd.role = fd.server_socket || !sends ? Role::server : Role::client;
    Tuple ends = *tuple;
    // The tuple goes from sender to receiver; ours from client to server.
    if (sends == (fd.role == Role::server)) std::swap(ends.source, ends.destination);
    if (fd.role == Role::server && !ends.destination.is_ip()) ends.destination = fd.tuple.destination;
    fd.server_socket = false;
    fd.connected = true;
    fix_any(ends);
    fd.set_tuple(ends);
    context->fd_name_changed = known == nullptr || known->name != fd.name;
    context->fd = table.set_fd(t, context->fd_number, fd);
}

void State::Impl::apply_name(const Event& e) {
    std::string_view name;
    for (const std::string_view p : e.captured.path)
        if (!p.empty()) name = p;
    if (name.empty() || name.size() > 255) return;
    for (const Address& a : e.captured.addresses) {
        host_names.push_back({a, std::string(name)});
        if (host_names.size() > kMostHostNames) host_names.pop_front();
    }
}

}  // namespace undercoat::state
