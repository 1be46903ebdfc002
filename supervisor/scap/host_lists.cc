// Lists of the captured machine: its network interfaces, its users and groups. Since version 2 each entry has its length.
#include "supervisor/scap/lists.h"

namespace undercoat::scap {
namespace {

using event::Address;
using Interface = state::Interfaces::Interface;

constexpr size_t kMostUsers = 100'000, kMostInterfaces = 10'000;

// With `lengths` the entry's own part; `own` is how many of the length's bytes it counts itself.
std::optional<Cursor> entry_of(Cursor& list, bool lengths, uint32_t own) {
    if (!lengths) return list;
    const auto length = list.take<uint32_t>();
    if (length < own || length - own > list.left()) return std::nullopt;
    return Cursor(list.take_bytes(length - own));
}

std::optional<Interface> take_interface(Cursor& c) {
    enum : uint16_t { kIpv4 = 1, kIpv6 = 2, kIpv4NoSpeed = 3, kIpv6NoSpeed = 4 };
    const auto type = c.take<uint16_t>();
    const auto name_length = c.take<uint16_t>();
    if (type < kIpv4 || type > kIpv6NoSpeed) return std::nullopt;
    const bool v6 = type == kIpv6 || type == kIpv6NoSpeed;
    const size_t size = v6 ? 16 : 4;
    Interface i;
    i.address.family = v6 ? Address::Family::ipv6 : Address::Family::ipv4;
    c.take_into(i.address.bytes, size);
    c.take_into(i.netmask, size);
    c.skip(size);  // the broadcast address
    if (type == kIpv4 || type == kIpv6) c.skip(sizeof(uint64_t));
    c.take_text(name_length);
    if (!c.ok()) return std::nullopt;
    return i;
}

bool take_user(Cursor& c, state::Users& users) {
    enum : uint8_t { kUser = 0, kGroup = 1 };
    const auto type = c.take<uint8_t>();
    if (type == kUser) {
        state::User u;
        u.uid = c.take<uint32_t>();
        u.gid = c.take<uint32_t>();
        u.name = c.take_text();
        u.home = c.take_text();
        u.shell = c.take_text();
        if (c.ok()) users.add(std::move(u));
    } else if (type == kGroup) {
        state::Group g;
        g.gid = c.take<uint32_t>();
        g.name = c.take_text();
        if (c.ok()) users.add(std::move(g));
    } else {
        return false;
    }
    return c.ok();
}

}  // namespace

std::vector<Interface> read_interfaces(const Block& block, ListCounters& counters) {
    std::vector<Interface> out;
    const bool lengths = block.type == BlockType::interfaces_v2;
    Cursor c(block.body);
    while (c.left() >= sizeof(uint32_t) && out.size() < kMostInterfaces) {
        std::optional<Cursor> entry = entry_of(c, lengths, 0);
        const std::optional<Interface> i = entry ? take_interface(*entry) : std::nullopt;
        if (!i) {
            ++counters.bad_lists;
            break;
        }
        if (!lengths) c = *entry;
        ++counters.interfaces;
        out.push_back(*i);
    }
    return out;
}

void read_users(const Block& block, state::Users& users, ListCounters& counters) {
    const bool lengths = block.type == BlockType::users_v2;
    Cursor c(block.body);
    while (c.left() >= sizeof(uint32_t) && users.size() < kMostUsers) {
        std::optional<Cursor> entry = entry_of(c, lengths, sizeof(uint32_t));
        if (!entry || !take_user(*entry, users)) {
            ++counters.bad_lists;
            break;
        }
        if (!lengths) c = *entry;
        ++counters.users;
    }
}

}  // namespace undercoat::scap
