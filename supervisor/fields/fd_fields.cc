// Fields of the descriptor that the event is about: fd.*.
//
// Must stay true: without a known descriptor only fd.num, and what the call's own arguments say (names of failed opens),
// have a value; addresses and ports exist only for sockets with a role; `local` is the client's end exactly if that
// address belongs to this host.
#include "supervisor/fields/field.h"

#include "supervisor/state/paths.h"

#include <algorithm>
#include <vector>

namespace undercoat::fields {
namespace {

using event::Address;
using state::FdType;
using state::Role;
using wire::Call;
using T = FieldType;

Value text(std::string_view s) { return Value::text(s); }
Value empty_text() { return Value::text(std::string_view("", 0)); }

// The path parameter of a call that opens by name, or -1.
int opened_path(const Access& a) {
    const event::Event& e = a.event;
    if (e.is(Call::open) || e.is(Call::openat) || e.is(Call::openat2) || e.is(Call::creat))
        return event::find_param(e.info(), "name");
    if (e.is(Call::open_by_handle_at)) return event::find_param(e.info(), "path");
    return -1;
}

// The name of a descriptor of which nothing is known: the path that the call gave, else the empty text.
std::string_view name_from_arguments(const Access& a) {
    const int i = opened_path(a);
    if (i < 0) return "";
    thread_local std::string scratch;  // keeps its memory: programs look for files that are not there all the time
    return a.context.collapsed_path(static_cast<unsigned>(i), scratch) ? a.arena.copy(scratch) : "";
}

Value name(const Access& a) {
    if (!a.context.has_fd) return {};
    return text(a.context.fd ? std::string_view(a.context.fd->name) : name_from_arguments(a));
}

Value name_raw(const Access& a) {
    if (!a.context.has_fd) return {};
    if (a.context.fd) {
        const FdInfo& fd = *a.context.fd;
        return fd.is_file() || fd.is_directory() ? text(fd.name_raw) : Value();
    }
    const int i = opened_path(a);
    if (i < 0) return empty_text();
    const auto& v = a.event.param(static_cast<unsigned>(i));
    if (v.kind != event::ParamValue::Kind::text) return {};
    thread_local std::string scratch;
    state::squeeze(v.text, scratch);
    return a.copy(scratch);
}

std::string_view directory_of(std::string_view path) {
    const size_t slash = path.rfind('/');
    if (slash == path.npos || slash == 0) return "/";
    return path.substr(0, slash);
}

Value directory(const Access& a) {
    if (!a.context.has_fd) return {};
    if (!a.context.fd) return text(directory_of(name_from_arguments(a)));
    const FdInfo& fd = *a.context.fd;
    return fd.is_file() || fd.is_directory() ? text(directory_of(fd.name)) : Value();
}

Value filename(const Access& a) {
    if (!a.context.fd || !a.context.fd->is_file()) return {};
    const std::string_view n = a.context.fd->name;
    const size_t slash = n.rfind('/');
    return text(slash == n.npos ? n : n.substr(slash + 1));
}

char char_from_call(const Access& a) {
    const event::Event& e = a.event;
    if (e.is(Call::openat) || e.is(Call::openat2) || e.is(Call::creat)) return 'f';
    if (e.is(Call::socket) || e.is(Call::accept) || e.is(Call::accept4)) return '4';
    if (e.is(Call::pipe) || e.is(Call::pipe2)) return 'p';
    return 'o';
}

Value typechar(const Access& a) {
    if (!a.context.has_fd) return {};
    const char c = a.context.fd ? state::type_char(a.context.fd->type) : char_from_call(a);
    return a.copy({&c, 1});
}

const FdInfo* ip_socket(const Access& a) {
    return a.context.fd && a.context.fd->is_ip() ? a.context.fd : nullptr;
}
bool is_bound_only(const FdInfo& fd) { return fd.server_socket; }
bool is_connection(const FdInfo& fd) { return !fd.server_socket && fd.role != Role::none; }

enum class End { client, server, local, remote };

// The wanted end of a connection, or of a bound socket; null where there is none.
const Address* end(const Access& a, End which) {
    const FdInfo* fd = ip_socket(a);
    if (!fd) return nullptr;
    if (is_bound_only(*fd)) return which == End::server ? &fd->tuple.destination : nullptr;
    if (!is_connection(*fd)) return nullptr;
    if (which == End::client) return &fd->tuple.source;
    if (which == End::server) return &fd->tuple.destination;
    const bool client_is_local = a.state.is_local(fd->tuple.source);
    return client_is_local == (which == End::local) ? &fd->tuple.source : &fd->tuple.destination;
}

rules::IpAddress ip_of(const Address& a) {
    return a.family == Address::Family::ipv6 ? rules::IpAddress::v6_from(a.bytes) : rules::IpAddress::v4(a.bytes);
}

template <End which>
Value ip(const Access& a) {
    const Address* e = end(a, which);
    return e && e->is_ip() ? Value::ip(ip_of(*e)) : Value();
}

template <End which>
Value port(const Access& a) {
    const Address* e = end(a, which);
    // Zero: the client's end was not read after the kernel chose its port.
    return e && e->is_ip() && e->port != 0 ? Value::u64(e->port) : Value();
}

// Falco looks up no names of ports, so these are numbers, too.
template <End which>
Value port_text(const Access& a) {
    const Address* e = end(a, which);
    return e && e->is_ip() ? a.number_text(e->port) : Value();
}

// The cached host name; without one the address, so that listed names can be tested against it.
template <End which>
Value host(const Access& a) {
    const Address* e = end(a, which);
    if (!e || !e->is_ip()) return {};
    const std::string_view known = a.state.host_name(*e);
    return known.empty() ? Value::ip(ip_of(*e)) : text(known);
}

template <Value (*of_client)(const Access&), Value (*of_server)(const Access&)>
Value either(const Access& a) {
    Value found[2];
    size_t n = 0;
    for (const Value& v : {of_client(a), of_server(a)})
        if (v.exists()) found[n++] = v;
    if (n == 0) return {};
    auto list = a.arena.array<Value>(n);
    for (size_t i = 0; i < n; ++i) list[i] = found[i];
    return Value::list(list);
}

Value layer4(const Access& a) {
    if (!a.context.fd) return {};
    const FdInfo& fd = *a.context.fd;
    const bool none = !fd.is_ip() || (!fd.server_socket && fd.role == Role::none);
    return text(state::l4_name(none ? state::L4::unknown : fd.l4));
}

Value family(const Access& a) {
    if (!a.context.fd) return {};
    if (a.context.fd->is_ip()) return text("ip");
    return a.context.fd->type == FdType::unix_socket ? text("unix") : Value();
}

Value is_server(const Access& a) {
    if (!a.context.fd) return {};
    const FdInfo& fd = *a.context.fd;
    return Value::boolean(fd.is_ip() && (fd.server_socket || fd.role == Role::server));
}

Value unique_id(const Access& a) {
    if (!a.context.has_fd || !a.thread || a.context.fd_number == wire::kInferredFd) return {};
    return a.copy(std::to_string(a.thread->tid) + std::to_string(a.context.fd_number));
}

Value in_container(const Access& a, const Value& v) {
    const state::Container* c = a.thread ? a.state.container_of(*a.thread) : nullptr;
    if (!a.context.fd || !c || !v.exists()) return {};
    return a.copy((c->id == "host" ? "" : c->id) + ":" + std::string(v.text()));
}

// No file has the inode 0: of one whose inode and device nobody told nothing is known. Captures of old versions tell the device alone.
bool is_told(const FdInfo& fd, uint64_t value) { return value != 0 || fd.ino != 0 || !(fd.is_file() || fd.is_directory()); }

template <uint64_t FdInfo::*member>
Value number(const Access& a) {
    const FdInfo* fd = a.context.fd;
    return fd && is_told(*fd, fd->*member) ? Value::i64(static_cast<int64_t>(fd->*member)) : Value();
}

template <bool FdInfo::*member>
Value flag(const Access& a) {
    return a.context.fd ? Value::boolean(a.context.fd->*member) : Value();
}

Value device_part(const Access& a, bool is_major) {
    if (!a.context.fd || !is_told(*a.context.fd, a.context.fd->dev)) return {};
    const uint64_t dev = a.context.fd->dev;  // the kernel's own form: 12 bits major, 20 bits minor in 32
    return Value::i64(static_cast<int64_t>(is_major ? dev >> 8 & 0xfff : (dev & 0xff) | (dev >> 12 & 0xfff00)));
}

// The types of all descriptors without doubles, the one that came last first; with [N] the type of one.
Value types(const Access& a) {
    if (!a.thread) return {};
    std::vector<std::pair<int64_t, const FdInfo*>> fds;
    for (const auto& [n, info] : a.thread->fds())
        if (a.ref.index < 0 || a.ref.index == n) fds.emplace_back(n, &info);
    std::sort(fds.begin(), fds.end());
    std::vector<const char*> names;
    for (const auto& [n, info] : fds) {
        const char* name_of_type = state::type_name(info->type);
        if (std::find(names.begin(), names.end(), name_of_type) == names.end()) names.push_back(name_of_type);
    }
    if (names.empty()) return {};
    auto list = a.arena.array<Value>(names.size());
    std::transform(names.rbegin(), names.rend(), list.begin(), [](const char* n) { return Value::text(n); });
    return Value::list(list);
}

constexpr Field kFields[] = {
    {"fd.num", T::int64, [](const Access& a) { return a.context.has_fd ? Value::i64(a.context.fd_number) : Value(); },
     "number of the descriptor; negative where the call failed"},
    {"fd.type", T::text,
     [](const Access& a) { return a.context.fd ? text(state::type_name(a.context.fd->type)) : Value(); },
     "file, directory, ipv4, ipv6, unix, pipe, …"},
    {"fd.typechar", T::text, typechar, "one letter for the type"},
    {"fd.name", T::text, name, "path, or client:port->server:port"},
    {"fd.directory", T::text, directory, "directory part of the path"},
    {"fd.filename", T::text, filename, "last part of the path, of files only"},
    Field{"fd.ip", T::ip, either<ip<End::client>, ip<End::server>>, "client or server address"}
        .mode(MatchMode::either_side)
        .filter_only()
        .no_rhs()
        .no_transformer(),
    {"fd.cip", T::ip, ip<End::client>, "client address"},
    {"fd.sip", T::ip, ip<End::server>, "server address"},
    {"fd.lip", T::ip, ip<End::local>, "local address"},
    {"fd.rip", T::ip, ip<End::remote>, "remote address"},
    Field{"fd.port", T::port, either<port<End::client>, port<End::server>>, "client or server port"}
        .mode(MatchMode::either_side)
        .filter_only()
        .no_rhs()
        .no_transformer(),
    {"fd.cport", T::port, port<End::client>, "client port"},
    {"fd.sport", T::port, port<End::server>, "server port"},
    {"fd.lport", T::port, port<End::local>, "local port"},
    {"fd.rport", T::port, port<End::remote>, "remote port"},
    {"fd.l4proto", T::text, layer4, "tcp, udp, icmp, raw, or <NA>"},
    {"fd.sockfamily", T::text, family, "ip or unix"},
    {"fd.is_server", T::boolean, is_server, "this process is the server's end"},
    {"fd.uid", T::text, unique_id, "thread id and descriptor number, joined"},
    {"fd.containername", T::text, [](const Access& a) { return in_container(a, name(a)); }, "container id, nothing on the host, and fd.name"},
    {"fd.containerdirectory", T::text, [](const Access& a) { return in_container(a, directory(a)); },
     "container id, nothing on the host, and fd.directory"},
    Field{"fd.proto", T::port, either<port<End::client>, port<End::server>>, "client or server port"}
        .mode(MatchMode::either_side)
        .filter_only()
        .no_rhs()
        .no_transformer(),
    {"fd.cproto", T::text, port_text<End::client>, "client port as text"},
    {"fd.sproto", T::text, port_text<End::server>, "server port as text"},
    {"fd.lproto", T::text, port_text<End::local>, "local port as text"},
    {"fd.rproto", T::text, port_text<End::remote>, "remote port as text"},
    Field{"fd.net", T::net, either<ip<End::client>, ip<End::server>>, "client or server address, tested by network"}
        .mode(MatchMode::either_side)
        .filter_only()
        .no_rhs()
        .no_transformer(),
    Field{"fd.cnet", T::net, ip<End::client>, "client address, tested by network"}.filter_only().no_rhs().no_transformer(),
    Field{"fd.snet", T::net, ip<End::server>, "server address, tested by network"}.filter_only().no_rhs().no_transformer(),
    Field{"fd.lnet", T::net, ip<End::local>, "local address, tested by network"}.filter_only().no_rhs().no_transformer(),
    Field{"fd.rnet", T::net, ip<End::remote>, "remote address, tested by network"}.filter_only().no_rhs().no_transformer(),
    {"fd.connected", T::boolean, flag<&FdInfo::connected>, "the socket is connected"},
    {"fd.name_changed", T::boolean,
     [](const Access& a) { return a.context.has_fd ? Value::boolean(a.context.fd_name_changed) : Value(); },
     "this event changed fd.name"},
    Field{"fd.cip.name", T::text, host<End::client>, "host name of the client address"}.mode(MatchMode::host_name),
    Field{"fd.sip.name", T::text, host<End::server>, "host name of the server address"}.mode(MatchMode::host_name),
    Field{"fd.lip.name", T::text, host<End::local>, "host name of the local address"}.mode(MatchMode::host_name),
    Field{"fd.rip.name", T::text, host<End::remote>, "host name of the remote address"}.mode(MatchMode::host_name),
    {"fd.dev", T::int32, number<&FdInfo::dev>, "device of the file"},
    {"fd.dev.major", T::int32, [](const Access& a) { return device_part(a, true); }, "major number of the device"},
    {"fd.dev.minor", T::int32, [](const Access& a) { return device_part(a, false); }, "minor number of the device"},
    {"fd.ino", T::int64, number<&FdInfo::ino>, "inode of the file"},
    {"fd.nameraw", T::text, name_raw, "path as the program gave it"},
    Field{"fd.types", T::text, types, "types of all open descriptors; [N]: of one"}.list().index().no_rhs(),
    {"fd.is_upper_layer", T::boolean, flag<&FdInfo::upper_layer>, "the file is not part of the image"},
    {"fd.is_lower_layer", T::boolean, flag<&FdInfo::lower_layer>, "the file is part of the image"},
};

}  // namespace

std::span<const Field> fd_fields() { return kFields; }

}  // namespace undercoat::fields
