// Event to JSON.
#include "supervisor/event/json.h"
#include "supervisor/event/text.h"

#include <boost/json.hpp>

namespace undercoat::event {
namespace {

namespace json = boost::json;

json::value text_value(std::string_view s) {
    if (is_utf8(s)) return json::value(json::string_view(s.data(), s.size()));
    return json::object{{"hex", to_hex(s)}};
}

json::value list_value(std::string_view nul_separated) {
    json::array list;
    while (!nul_separated.empty()) {
        const size_t end = nul_separated.find('\0');
        list.push_back(text_value(nul_separated.substr(0, end)));
        if (end == std::string_view::npos) break;
        nul_separated.remove_prefix(end + 1);
    }
    return json::object{{"list", std::move(list)}};
}

json::value address_value(const Address& a) {
    if (a.is_ip()) return json::object{{"ip", ip_text(a)}, {"port", a.port}};
    if (a.family == Address::Family::unix_path) return json::object{{"path", text_value(a.path)}};
    return json::object{{"family", a.native_family}};
}

json::value bytes_value(const Param& p, std::string_view bytes) {
    const std::string_view name = p.name;
    if (name == "args" || name == "env" || name == "cgroups") return list_value(bytes);
    return json::object{{"hex", to_hex(bytes)}};
}

json::value param_value(const Param& p, const ParamValue& v) {
    switch (v.kind) {
        case ParamValue::Kind::missing:
        case ParamValue::Kind::empty: return nullptr;
        case ParamValue::Kind::number:
            if (p.type == ParamType::UINT64) return v.u64();
            return v.number;
        case ParamValue::Kind::text: return text_value(v.text);
        case ParamValue::Kind::bytes: return bytes_value(p, v.text);
        case ParamValue::Kind::address: return address_value(*v.address);
        case ParamValue::Kind::tuple:
            return json::object{{"source", address_value(v.tuple->source)},
                                {"destination", address_value(v.tuple->destination)}};
        case ParamValue::Kind::fds: return json::object{{"hex", to_hex(v.text)}};
    }
    return nullptr;
}

json::object params_object(const Event& e) {
    json::object o;
    for (unsigned i = 0; i < e.nparams(); ++i)
        if (e.param(i).present()) o[e.info().params[i].name] = param_value(e.info().params[i], e.param(i));
    return o;
}

template <class T>
std::string struct_hex(const T& v) {
    return to_hex({reinterpret_cast<const char*>(&v), sizeof v});
}

void put_indexed(json::object& o, const Captured& c) {
    json::object path, string, fd, socket, file, word;
    for (unsigned i = 0; i < Captured::kArgs; ++i) {
        const std::string key = std::to_string(i);
        if (c.path[i].data() != nullptr) path[key] = text_value(c.path[i]);
        if (c.string[i].data() != nullptr) string[key] = text_value(c.string[i]);
        if (c.fd[i].data() != nullptr) fd[key] = text_value(c.fd[i]);
        if (c.socket[i] != nullptr) socket[key] = struct_hex(*c.socket[i]);
        if (c.file[i] != nullptr) file[key] = struct_hex(*c.file[i]);
        if (c.has_word[i]) word[key] = c.word[i];
    }
    const auto put = [&](const char* key, json::object& v) {
        if (!v.empty()) o[key] = std::move(v);
    };
    put("path", path), put("string", string), put("fd", fd), put("socket", socket), put("file", file), put("word", word);
}

json::object captured_object(const Captured& c) {
    json::object o;
    if (c.nregs != 0) o["regs"] = json::array(c.regs, c.regs + c.nregs);
    put_indexed(o, c);
    if (c.proc != nullptr) o["proc"] = struct_hex(*c.proc);
    const auto text = [&](const char* key, std::string_view v) {
        if (v.data() != nullptr) o[key] = text_value(v);
    };
    text("cwd", c.cwd), text("exe", c.exe), text("comm", c.comm), text("cgroup", c.cgroup), text("text", c.text);
    if (c.argv.data() != nullptr) o["argv"] = list_value(c.argv);
    if (c.envp.data() != nullptr) o["envp"] = list_value(c.envp);
    if (!c.buffer.empty()) o["buffer"] = json::object{{"hex", to_hex(c.buffer)}};
    const auto address = [&](const char* key, const Address& a) {
        if (a.family != Address::Family::none) o[key] = address_value(a);
    };
    address("sockaddr", c.sockaddr), address("local", c.local), address("peer", c.peer);
    if (!c.addresses.empty()) {
        json::array list;
        for (const Address& a : c.addresses) list.push_back(address_value(a));
        o["addresses"] = std::move(list);
    }
    if (!c.children.empty()) o["children"] = json::array(c.children.begin(), c.children.end());
    if (c.has_open_how) o["open_how"] = json::array(c.open_how, c.open_how + 3);
    return o;
}

}  // namespace

const char* kind_name(Kind k) {
    static constexpr const char* kNames[] = {"call", "birth", "exit", "name", "coverage"};
    return kNames[static_cast<size_t>(k)];
}

const char* origin_name(wire::Origin o) {
    static constexpr const char* kNames[] = {"", "shim", "notify", "ptrace", "scan", "capture"};
    return static_cast<size_t>(o) < std::size(kNames) ? kNames[static_cast<size_t>(o)] : "";
}

void append_json(const Event& e, std::string& out) {
    json::object o;
    o["id"] = e.id.text();
    if (e.num != 0) o["num"] = e.num;
    o["ts"] = e.ts;
    if (e.kind != Kind::call) o["kind"] = kind_name(e.kind);
    if (e.has_type()) o["type"] = e.name();
    o["pid"] = e.pid;
    o["tid"] = e.tid;
    o["origin"] = origin_name(e.origin);
    if (e.cpu >= 0) o["cpu"] = e.cpu;
    json::array flags;
    if (e.inferred) flags.emplace_back("inferred");
    if (e.result_unknown) flags.emplace_back("unknown");
    if (e.unreadable) flags.emplace_back("unreadable");
    if (e.foreign_abi) flags.emplace_back("foreign_abi");
    if (!flags.empty()) o["flags"] = std::move(flags);
    if (e.has_result || e.result != 0) o["result"] = e.result;
    if (e.has_type()) o["params"] = params_object(e);
    if (json::object captured = captured_object(e.captured); !captured.empty()) o["captured"] = std::move(captured);
    out += json::serialize(o);
}

}  // namespace undercoat::event
