// Descriptor lists: all open descriptors of one process. Since version 2 each entry has its length.
#include "supervisor/scap/lists.h"

namespace undercoat::scap {
namespace {

using event::Address;
using state::FdInfo;
using state::FdType;
using state::L4;

// The format's own numbers.
enum class ListedType : uint8_t {
    unknown, file, directory, ipv4, ipv6, ipv4_server, ipv6_server, fifo, unix_socket, event, unsupported, signalfd, eventpoll,
    inotify, timerfd, netlink, file_v2, bpf, userfaultfd, io_uring, memfd, pidfd,
};

FdType type_of(ListedType t) {
    static constexpr FdType kTypes[] = {
        FdType::unknown, FdType::file, FdType::directory, FdType::ipv4, FdType::ipv6, FdType::ipv4, FdType::ipv6,
        FdType::pipe, FdType::unix_socket, FdType::eventfd, FdType::unsupported, FdType::signalfd, FdType::eventpoll,
        FdType::inotify, FdType::timerfd, FdType::netlink, FdType::file, FdType::bpf, FdType::userfaultfd,
        FdType::io_uring, FdType::memfd, FdType::pidfd};
    static_assert(std::size(kTypes) == static_cast<size_t>(ListedType::pidfd) + 1);
    return kTypes[static_cast<size_t>(t)];
}

L4 take_l4(Cursor& c) {
    static constexpr L4 kProtocols[] = {L4::unknown, L4::unknown, L4::tcp, L4::udp, L4::icmp, L4::raw};
    const auto n = c.take<uint8_t>();
    return n < std::size(kProtocols) ? kProtocols[n] : L4::unknown;
}

Address take_ip(Cursor& c, bool v6) {
    Address a;
    a.family = v6 ? Address::Family::ipv6 : Address::Family::ipv4;
    c.take_into(a.bytes, v6 ? 16 : 4);
    return a;
}

void take_connection(Cursor& c, bool v6, FdInfo& fd) {
    event::Tuple t;
    t.source = take_ip(c, v6);
    t.destination = take_ip(c, v6);
    t.source.port = c.take<uint16_t>();
    t.destination.port = c.take<uint16_t>();
    fd.l4 = take_l4(c);
    fd.connected = true;
    fd.set_tuple(t);
}

void take_server(Cursor& c, bool v6, FdInfo& fd) {
    event::Tuple t;
    t.destination = take_ip(c, v6);
    t.destination.port = c.take<uint16_t>();
    fd.l4 = take_l4(c);
    fd.role = state::Role::server;
    fd.server_socket = true;
    fd.set_tuple(t);
}

void take_name(Cursor& c, FdInfo& fd) {
    fd.name = c.take_text();
    if (fd.is_file() || fd.is_directory()) fd.name_raw = fd.name;
}

// False for a type that is not known: then its length is not known either. `alone`: the cursor ends with the entry.
bool take_info(Cursor& c, ListedType type, bool alone, FdInfo& fd) {
    if (type > ListedType::pidfd) return false;
    fd.type = type_of(type);
    switch (type) {
        case ListedType::ipv4: take_connection(c, false, fd); break;
        case ListedType::ipv6: take_connection(c, true, fd); break;
        case ListedType::ipv4_server: take_server(c, false, fd); break;
        case ListedType::ipv6_server: take_server(c, true, fd); break;
        case ListedType::unix_socket:
            c.skip(2 * sizeof(uint64_t));  // kernel addresses of both ends
            take_name(c, fd);
            if (fd.name.ends_with('\n')) fd.name.pop_back();  // as old writers left it
            fd.unix_path = fd.name;
            break;
        case ListedType::file_v2:
            fd.open_flags = c.take<uint32_t>();
            take_name(c, fd);
            if (alone && c.left() >= sizeof(uint32_t)) fd.dev = c.take<uint32_t>();  // newer writers
            break;
        case ListedType::unknown: return false;
        default: take_name(c, fd);
    }
    return true;
}

}  // namespace

FdList read_fds(const Block& block, ListCounters& counters) {
    FdList list;
    const bool lengths = block.type == BlockType::fds_v2;
    Cursor c(block.body);
    list.tid = c.take<int64_t>();
    while (c.left() >= sizeof(uint64_t)) {
        const uint32_t length = lengths ? c.take<uint32_t>() : 0;  // its own bytes included
        if (lengths && (length < sizeof length || length - sizeof length > c.left())) {
            ++counters.bad_lists;
            return list;
        }
        Cursor entry = lengths ? Cursor(c.take_bytes(length - sizeof length)) : c;
        const auto number = entry.take<int64_t>();
        FdInfo fd;
        fd.ino = entry.take<uint64_t>();
        const bool known = take_info(entry, static_cast<ListedType>(entry.take<uint8_t>()), lengths, fd);
        if (!known) ++counters.unknown_fds;
        if (!entry.ok() || (!known && !lengths)) {
            ++counters.bad_lists;
            return list;
        }
        if (!lengths) c = entry;
        if (!known) continue;
        ++counters.fds;
        list.fds.emplace_back(number, std::move(fd));
    }
    return list;
}

}  // namespace undercoat::scap
