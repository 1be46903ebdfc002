// JSON to event.
#include "supervisor/event/json.h"
#include "supervisor/event/text.h"

#include <arpa/inet.h>
#include <boost/json.hpp>
#include <charconv>
#include <cstring>

namespace undercoat::event {
namespace {

namespace json = boost::json;

// Thrown inside this file only; parse_json turns it into a Status.
struct Bad {
    std::string message;
};

std::string_view view(const json::string& s) { return {s.data(), s.size()}; }

int64_t number(const json::value& v, const char* what) {
    if (v.is_int64()) return v.get_int64();
    if (v.is_uint64()) return static_cast<int64_t>(v.get_uint64());
    if (v.is_bool()) return v.get_bool();
    throw Bad{std::string("Event key '") + what + "' must be an integer."};
}

std::string hex_of(const json::value& v, const char* what) {
    const std::optional<std::string> bytes = v.is_string() ? from_hex(view(v.get_string())) : std::nullopt;
    if (!bytes) throw Bad{std::string("Event key '") + what + "' must hold hexadecimal digits, two for a byte."};
    return *bytes;
}

// Text: a string or {"hex": …}; a list gives NUL-separated strings with a NUL after each.
std::string text(const json::value& v, const char* what) {
    if (v.is_string()) return std::string(view(v.get_string()));
    if (const json::object* o = v.if_object()) {
        if (const json::value* hex = o->if_contains("hex")) return hex_of(*hex, what);
        if (const json::value* list = o->if_contains("list"); list != nullptr && list->is_array()) {
            std::string out;
            for (const json::value& item : list->get_array()) out.append(text(item, what)).push_back('\0');
            return out;
        }
    }
    throw Bad{std::string("Event key '") + what + "' must be a string, {\"hex\": …} or {\"list\": […]}."};
}

Address address(Event& e, const json::value& v, const char* what) {
    const json::object* o = v.if_object();
    if (o == nullptr) throw Bad{std::string("Event key '") + what + "' must be an address object."};
    Address a;
    if (const json::value* ip = o->if_contains("ip")) {
        const std::string words = text(*ip, what);
        if (inet_pton(AF_INET, words.c_str(), a.bytes) == 1) a.family = Address::Family::ipv4, a.native_family = AF_INET;
        else if (inet_pton(AF_INET6, words.c_str(), a.bytes) == 1)
            a.family = Address::Family::ipv6, a.native_family = AF_INET6;
        else throw Bad{std::string("Event key '") + what + "' holds '" + words + "', which is no IP address."};
        if (const json::value* port = o->if_contains("port")) a.port = static_cast<uint16_t>(number(*port, what));
    } else if (const json::value* path = o->if_contains("path")) {
        a.family = Address::Family::unix_path;
        a.native_family = AF_UNIX;
        a.path = e.memory().copy(text(*path, what));
    } else if (const json::value* family = o->if_contains("family")) {
        a.native_family = static_cast<uint16_t>(number(*family, what));
        a.family = a.native_family == AF_NETLINK ? Address::Family::netlink
                   : a.native_family == 0        ? Address::Family::none
                                                 : Address::Family::other;
    }
    return a;
}

Tuple tuple(Event& e, const json::value& v, const char* what) {
    const json::object* o = v.if_object();
    const json::value* source = o != nullptr ? o->if_contains("source") : nullptr;
    const json::value* destination = o != nullptr ? o->if_contains("destination") : nullptr;
    if (source == nullptr || destination == nullptr)
        throw Bad{std::string("Event key '") + what + "' must have source and destination."};
    return {address(e, *source, what), address(e, *destination, what)};
}

void read_param(Event& e, unsigned i, const json::value& v) {
    const Param& p = e.info().params[i];
    if (v.is_null()) return e.set_empty(i);
    switch (p.type) {
        case ParamType::CHARBUF:
        case ParamType::FSPATH:
        case ParamType::FSRELPATH: return e.set_text(i, text(v, p.name));
        case ParamType::BYTEBUF:
        case ParamType::CHARBUFARRAY:
        case ParamType::CHARBUF_PAIR_ARRAY: return e.set_bytes(i, text(v, p.name));
        case ParamType::SOCKADDR:
        case ParamType::IPV4ADDR:
        case ParamType::IPV6ADDR: return e.set_address(i, address(e, v, p.name));
        case ParamType::SOCKTUPLE: return e.set_tuple(i, tuple(e, v, p.name));
        case ParamType::FDLIST: {
            const std::string bytes = text(v, p.name);
            std::vector<PolledFd> fds(bytes.size() / sizeof(PolledFd));
            if (!fds.empty()) std::memcpy(fds.data(), bytes.data(), fds.size() * sizeof(PolledFd));
            return e.set_fds(i, fds);
        }
        default: return e.set_number(i, number(v, p.name));
    }
}

void read_params(Event& e, const json::object& o) {
    for (const auto& [key, value] : o) {
        const int i = find_param(e.info(), {key.data(), key.size()});
        if (i < 0) throw Bad{"Event type " + std::string(e.name()) + " has no parameter '" + std::string(key) + "'."};
        read_param(e, static_cast<unsigned>(i), value);
    }
}

template <class T>
const T* structure(Event& e, const json::value& v, const char* what) {
    const std::string bytes = hex_of(v, what);
    if (bytes.size() != sizeof(T))
        throw Bad{std::string("Event key '") + what + "' must have " + std::to_string(sizeof(T)) + " bytes."};
    T out;
    std::memcpy(&out, bytes.data(), sizeof out);
    return e.memory().copy(out);
}

template <class F>
void each_index(const json::object& o, const char* key, F f) {
    const json::value* v = o.if_contains(key);
    if (v == nullptr || !v->is_object()) return;
    for (const auto& [name, value] : v->get_object()) {
        unsigned i = 0;
        const auto r = std::from_chars(name.data(), name.data() + name.size(), i);
        if (r.ptr != name.data() + name.size() || i >= Captured::kArgs)
            throw Bad{std::string("Event key 'captured.") + key + "' must have argument numbers from 0 to 5."};
        f(i, value);
    }
}

template <class T, size_t N>
size_t numbers(const json::object& o, const char* key, T (&out)[N]) {
    const json::value* v = o.if_contains(key);
    if (v == nullptr || !v->is_array()) return 0;
    size_t n = 0;
    for (const json::value& item : v->get_array())
        if (n < N) out[n++] = static_cast<T>(number(item, key));
    return n;
}

void read_lists(Event& e, const json::object& o) {
    Captured& c = e.captured;
    c.nregs = static_cast<uint8_t>(numbers(o, "regs", c.regs));
    c.has_open_how = numbers(o, "open_how", c.open_how) != 0;
    uint32_t children[4096];
    if (const size_t n = numbers(o, "children", children); n != 0) {
        auto* own = static_cast<uint32_t*>(e.memory().allocate(n * sizeof(uint32_t)));
        std::memcpy(own, children, n * sizeof(uint32_t));
        c.children = {own, n};
    }
    const json::value* list = o.if_contains("addresses");
    if (list == nullptr || !list->is_array()) return;
    const json::array& items = list->get_array();
    auto* own = static_cast<Address*>(e.memory().allocate(items.size() * sizeof(Address) + 1));
    size_t n = 0;
    for (const json::value& item : items) own[n++] = address(e, item, "addresses");
    c.addresses = {own, n};
}

void read_captured(Event& e, const json::object& o) {
    Captured& c = e.captured;
    read_lists(e, o);
    const auto own = [&](const json::value& v, const char* what) { return e.memory().copy(text(v, what)); };
    each_index(o, "path", [&](unsigned i, const json::value& v) { c.path[i] = own(v, "path"); });
    each_index(o, "string", [&](unsigned i, const json::value& v) { c.string[i] = own(v, "string"); });
    each_index(o, "fd", [&](unsigned i, const json::value& v) { c.fd[i] = own(v, "fd"); });
    each_index(o, "socket", [&](unsigned i, const json::value& v) {
        c.socket[i] = structure<wire::SocketInfo>(e, v, "socket");
    });
    each_index(o, "file", [&](unsigned i, const json::value& v) { c.file[i] = structure<wire::FileInfo>(e, v, "file"); });
    each_index(o, "word", [&](unsigned i, const json::value& v) {
        c.word[i] = static_cast<uint64_t>(number(v, "word")), c.has_word[i] = true;
    });
    if (const json::value* v = o.if_contains("proc")) c.proc = structure<wire::ProcInfo>(e, *v, "proc");
    const auto take = [&](const char* key, std::string_view& to) {
        if (const json::value* v = o.if_contains(key)) to = own(*v, key);
    };
    take("cwd", c.cwd), take("exe", c.exe), take("comm", c.comm), take("cgroup", c.cgroup), take("text", c.text);
    take("argv", c.argv), take("envp", c.envp), take("buffer", c.buffer);
    const auto take_address = [&](const char* key, Address& to) {
        if (const json::value* v = o.if_contains(key)) to = address(e, *v, key);
    };
    take_address("sockaddr", c.sockaddr), take_address("local", c.local), take_address("peer", c.peer);
}

EventId read_id(std::string_view s) {
    EventId id;
    const size_t colon = s.find(':');
    if (colon == std::string_view::npos) throw Bad{"Event key 'id' must be \"ring:position\"."};
    std::from_chars(s.data(), s.data() + colon, id.ring);
    std::from_chars(s.data() + colon + 1, s.data() + s.size(), id.position);
    return id;
}

Kind read_kind(std::string_view s) {
    for (Kind k : {Kind::call, Kind::birth, Kind::exit, Kind::name, Kind::coverage})
        if (s == kind_name(k)) return k;
    throw Bad{"Event key 'kind' is '" + std::string(s) + "'; allowed are call, birth, exit, name, coverage."};
}

wire::Origin read_origin(std::string_view s) {
    for (wire::Origin o : {wire::Origin::shim, wire::Origin::notify, wire::Origin::ptrace, wire::Origin::scan, wire::Origin::capture})
        if (s == origin_name(o)) return o;
    throw Bad{"Event key 'origin' is '" + std::string(s) + "'; allowed are shim, notify, ptrace, scan, capture."};
}

void read_flags(Event& e, const json::value& v) {
    if (!v.is_array()) throw Bad{"Event key 'flags' must be an array."};
    for (const json::value& item : v.get_array()) {
        const std::string flag = text(item, "flags");
        if (flag == "inferred") e.inferred = true;
        else if (flag == "unknown") e.result_unknown = true;
        else if (flag == "unreadable") e.unreadable = true;
        else if (flag == "foreign_abi") e.foreign_abi = true;
        else throw Bad{"Event flag '" + flag + "' is unknown; allowed are inferred, unknown, unreadable, foreign_abi."};
    }
}

void read_event(const json::object& o, Event& e) {
    uint16_t type = wire::kNoCall;
    if (const json::value* v = o.if_contains("type")) {
        const std::string name = text(*v, "type");
        const int found = find_event(name);
        if (found < 0) throw Bad{"Event type '" + name + "' is unknown."};
        type = static_cast<uint16_t>(found);
    }
    e.reset(type);
    const auto integer = [&](const char* key, auto& to) {
        if (const json::value* v = o.if_contains(key)) to = static_cast<std::decay_t<decltype(to)>>(number(*v, key));
    };
    integer("num", e.num), integer("ts", e.ts), integer("pid", e.pid), integer("tid", e.tid);
    integer("cpu", e.cpu);
    if (e.tid == 0) e.tid = e.pid;
    if (const json::value* v = o.if_contains("id")) e.id = read_id(text(*v, "id"));
    if (const json::value* v = o.if_contains("kind")) e.kind = read_kind(text(*v, "kind"));
    if (e.kind == Kind::call && !e.has_type()) throw Bad{"Event key 'type' is missing; it names the call, such as openat."};
    if (const json::value* v = o.if_contains("origin")) e.origin = read_origin(text(*v, "origin"));
    if (const json::value* v = o.if_contains("flags")) read_flags(e, *v);
    if (const json::value* v = o.if_contains("captured"); v != nullptr && v->is_object())
        read_captured(e, v->get_object());
    if (const json::value* v = o.if_contains("result")) e.result = number(*v, "result"), e.has_result = e.kind == Kind::call;
    const json::value* params = o.if_contains("params");
    if (params == nullptr || !params->is_object() || !e.has_type()) return;
    read_params(e, params->get_object());
    // An event written by hand has its result as the first parameter only.
    if (e.kind == Kind::call && !e.has_result && e.nparams() > 0 && e.param(0).kind == ParamValue::Kind::number)
        e.result = e.param(0).number, e.has_result = true;
}

}  // namespace

Status parse_json(std::string_view line, Event& e) {
    boost::system::error_code error;
    // One block for the whole tree, which dies with it: replaying is mostly reading.
    unsigned char block[16 * 1024];
    json::monotonic_resource memory(block, sizeof block);
    const json::value v = json::parse(json::string_view(line.data(), line.size()), error, &memory);
    if (error) return Error{"An event is not JSON: " + error.message() + "."};
    if (!v.is_object()) return Error{"An event must be a JSON object."};
    try {
        read_event(v.get_object(), e);
    } catch (const Bad& bad) {
        return Error{bad.message};
    }
    return Unit{};
}

}  // namespace undercoat::event
