// The encodings by parameter type.
#include "supervisor/scap/params.h"

#include <sys/socket.h>
#include <vector>

namespace undercoat::scap {
namespace {

using event::Address;
using event::Event;
using event::ParamType;

constexpr size_t kMostPolled = 1024;

bool is_signed(ParamType type) {
    switch (type) {
        case ParamType::INT8: case ParamType::INT16: case ParamType::INT32: case ParamType::INT64: case ParamType::ERRNO:
        case ParamType::FD: case ParamType::FD32: case ParamType::PID: case ParamType::PID32: return true;
        default: return false;
    }
}

// By the bytes there are: versions of an event differ in the width of a parameter, not in its meaning.
bool number_of(ParamType type, Bytes bytes, int64_t& out) {
    Cursor c(bytes);
    const bool negative = is_signed(type);
    switch (bytes.size()) {
        case 1: out = negative ? int64_t{c.take<int8_t>()} : int64_t{c.take<uint8_t>()}; return true;
        case 2: out = negative ? int64_t{c.take<int16_t>()} : int64_t{c.take<uint16_t>()}; return true;
        case 4: out = negative ? int64_t{c.take<int32_t>()} : int64_t{c.take<uint32_t>()}; return true;
        case 8: out = c.take<int64_t>(); return true;
        default: return false;
    }
}

std::string_view text_of(Bytes bytes) {
    const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return all.substr(0, all.find('\0'));
}

Address take_ip(Cursor& c, bool v6) {
    Address a;
    a.family = v6 ? Address::Family::ipv6 : Address::Family::ipv4;
    c.take_into(a.bytes, v6 ? 16 : 4);
    a.port = c.take<uint16_t>();
    return a;
}

Address unix_path(Bytes bytes) {
    Address a;
    a.family = Address::Family::unix_path;
    a.path = text_of(bytes);
    return a;
}

// u8 family, then address and port, or the path.
bool set_address(Event& e, unsigned i, Bytes bytes) {
    Cursor c(bytes);
    Address a;
    const auto family = c.take<uint8_t>();
    if (family == AF_INET || family == AF_INET6) a = take_ip(c, family == AF_INET6);
    else if (family == AF_UNIX) a = unix_path(bytes.subspan(1));
    else a.family = Address::Family::other, a.native_family = family;
    if (c.ok()) e.set_address(i, a);
    return c.ok();
}

// u8 family, then source and destination; of a unix socket the kernel's addresses of both ends and the path.
bool set_tuple(Event& e, unsigned i, Bytes bytes) {
    Cursor c(bytes);
    event::Tuple t;
    const auto family = c.take<uint8_t>();
    if (family == AF_INET || family == AF_INET6) {
        t.source = take_ip(c, family == AF_INET6);
        t.destination = take_ip(c, family == AF_INET6);
    } else if (family == AF_UNIX) {
        c.skip(2 * sizeof(uint64_t));
        if (c.ok()) t.destination = unix_path(bytes.subspan(c.position()));
    } else {
        return false;
    }
    if (c.ok()) e.set_tuple(i, t);
    return c.ok();
}

bool set_polled(Event& e, unsigned i, Bytes bytes) {
    Cursor c(bytes);
    std::vector<event::PolledFd> fds;
    for (unsigned n = c.take<uint16_t>(); n > 0 && c.left() > 0 && fds.size() < kMostPolled; --n) {
        const auto number = c.take<int64_t>();
        fds.push_back({number, static_cast<uint32_t>(c.take<uint16_t>())});
    }
    if (c.ok()) e.set_fds(i, fds);
    return c.ok();
}

}  // namespace

bool set_param(Event& e, unsigned i, Bytes bytes) {
    if (bytes.empty()) return e.set_empty(i), true;
    const ParamType type = e.info().params[i].type;
    const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    switch (type) {
        case ParamType::CHARBUF:
        case ParamType::FSPATH:
        case ParamType::FSRELPATH: return e.set_text(i, text_of(bytes)), true;
        case ParamType::BYTEBUF:
        case ParamType::CHARBUFARRAY:
        case ParamType::CHARBUF_PAIR_ARRAY: return e.set_bytes(i, all), true;
        case ParamType::SOCKADDR: return set_address(e, i, bytes);
        case ParamType::SOCKTUPLE: return set_tuple(e, i, bytes);
        case ParamType::FDLIST: return set_polled(e, i, bytes);
        case ParamType::IPV4ADDR:
        case ParamType::IPV6ADDR: {
            Address a;
            a.family = bytes.size() == 16 ? Address::Family::ipv6 : Address::Family::ipv4;
            if (bytes.size() != 4 && bytes.size() != 16) return false;
            std::memcpy(a.bytes, bytes.data(), bytes.size());
            return e.set_address(i, a), true;
        }
        default: break;
    }
    int64_t n = 0;
    // Parameters of several forms carry a byte that says which, before a number of 8 bytes.
    const bool formed = type == ParamType::DYN || bytes.size() == 9;
    if (!number_of(type, formed ? bytes.subspan(1) : bytes, n)) return false;
    return e.set_number(i, n), true;
}

}  // namespace undercoat::scap
