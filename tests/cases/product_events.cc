// See product_events.h.
#include "tests/cases/product_events.h"

#include "supervisor/event/flags.h"
#include "supervisor/fields/flag_names.h"
#include "supervisor/state/state.h"
#include "tests/cases/runner.h"

#include <arpa/inet.h>

#include <map>

namespace undercoat::conformance {
namespace {

using event::Address;
using event::ParamType;

// Names that the cases take from the test suite's own headers.
const std::map<std::string, std::string> kDefaults = {
    {"DEFAULT_CLIENT_PORT", "54321"},           {"DEFAULT_SERVER_PORT", "443"},
    {"DEFAULT_IPV4_CLIENT_STRING", "172.40.111.222"}, {"DEFAULT_IPV4_SERVER_STRING", "142.251.111.147"},
    {"DEFAULT_IPV6_CLIENT_STRING", "::1"},      {"DEFAULT_IPV6_SERVER_STRING", "2001:4860:4860::8888"},
    {"SOCK_STREAM", "1"},                       {"SOCK_DGRAM", "2"}};

// The value of PPM_NAME in any flag table; the cases name each constant by its full name.
bool flag_value(std::string name, int64_t& value) {
    if (name.starts_with("PPM_CL_")) name = name.substr(7);
    if (name.starts_with("PPM_")) name = name.substr(4);
    for (size_t t = 0; t < fields::kFlagTableCount; ++t)
        for (const fields::FlagName& f : fields::kFlagTables[t].entries)
            if (f.name == name) {
                value = f.value;
                return true;
            }
    return false;
}

std::string scalar(const YAML::Node& v) {
    if (v.IsMap() && v["flags"]) return kDefaults.at(v["flags"][0].as<std::string>());
    if (v.IsMap() && v["str"]) return text_of(v["str"]);
    return text_of(v);
}

Address address(const YAML::Node& node) {
    const YAML::Node v = node["sockaddr"];
    Address a;
    const std::string ip = scalar(v["addr"]);
    a.port = static_cast<uint16_t>(std::stoul(scalar(v["port"])));
    if (inet_pton(AF_INET, ip.c_str(), a.bytes) == 1) a.family = Address::Family::ipv4;
    else if (inet_pton(AF_INET6, ip.c_str(), a.bytes) == 1) a.family = Address::Family::ipv6;
    return a;
}

std::string hex_bytes(const std::string& hex) {
    YAML::Node n;
    n["hex"] = hex;
    return text_of(n);
}

std::string vector_bytes(const YAML::Node& list) {
    std::string s;
    for (const auto& item : list) s.append(text_of(item)).append(1, '\0');
    return s;
}

bool number_of(const YAML::Node& v, int64_t& out) {
    if (v.IsMap() && v["flags"]) {
        out = 0;
        for (const auto& name : v["flags"]) {
            int64_t one = 0;
            if (!flag_value(name.as<std::string>(), one)) return false;
            out |= one;
        }
        return true;
    }
    if (!v.IsScalar()) return false;
    std::string text = v.as<std::string>();
    if (const auto it = kDefaults.find(text); it != kDefaults.end()) text = it->second;
    if (text.starts_with("PPM_")) return flag_value(text, out);
    try {
        out = text.starts_with("-") ? std::stoll(text) : static_cast<int64_t>(std::stoull(text));
    } catch (const std::exception&) {
        return false;
    }
    return true;
}

bool is_null(const YAML::Node& v) {
    if (v.IsNull()) return true;
    if (v.IsScalar() && v.as<std::string>() == "NULL") return true;
    return v.IsMap() && v["flags"] && v["flags"].size() == 1 && v["flags"][0].as<std::string>() == "NULL";
}

bool set_param(event::Event& e, unsigned i, const YAML::Node& argument) {
    const YAML::Node v = argument.IsMap() && argument["v"] ? argument["v"] : argument;
    if (is_null(v)) return e.set_empty(i), true;
    switch (e.info().params[i].type) {
        case ParamType::CHARBUF: case ParamType::FSPATH: case ParamType::FSRELPATH:
            if (!v.IsScalar() && !(v.IsMap() && (v["str"] || v["hex"]))) return false;
            return e.set_text(i, scalar(v)), true;
        case ParamType::BYTEBUF:
            if (v.IsSequence()) return e.set_bytes(i, vector_bytes(v)), true;
            if (v.IsMap() && v["nul_separated"]) return e.set_bytes(i, vector_bytes(v["nul_separated"])), true;
            if (v.IsMap() && v["bytes_hex"]) return e.set_bytes(i, hex_bytes(v["bytes_hex"].as<std::string>())), true;
            return false;
        case ParamType::SOCKADDR: return e.set_address(i, address(v["sockaddr"][0])), true;
        case ParamType::SOCKTUPLE:
            return e.set_tuple(i, {address(v["socktuple"][0]), address(v["socktuple"][1])}), true;
        default: break;
    }
    int64_t n = 0;
    if (!number_of(v, n)) return false;
    return e.set_number(i, n), true;
}

// The rest of an execve whose case names only some arguments (note_defaults).
void complete_exec(event::Event& e, const YAML::Node& args) {
    const bool absent_ids = args["note_defaults"].as<std::string>().find("absent") != std::string::npos;
    const bool numbers_only = args["note_defaults"].as<std::string>().find("numbers 0") != std::string::npos;
    for (unsigned i = 0; i < e.nparams(); ++i) {
        const event::Param& p = e.info().params[i];
        const std::string_view name = p.name;
        if (e.param(i).present()) continue;
        const bool text = p.type == ParamType::CHARBUF || p.type == ParamType::FSPATH || p.type == ParamType::BYTEBUF;
        const bool id = name == "loginuid" || name == "uid" || name == "gid" || name == "flags" || name.starts_with("cap_") ||
                        name.starts_with("exe_ino") || name == "pgid";
        if (text || (absent_ids && numbers_only && id)) e.set_empty(i);
        else e.set_number(i, 0);
    }
}

}  // namespace

std::string fill_event(const YAML::Node& node, uint64_t number, event::Event& e) {
    const std::string type = node["type"].as<std::string>();
    const int index = event::find_event(type);
    if (index < 0) return "there is no event type " + type;
    e.reset(static_cast<uint16_t>(index));
    e.num = number;
    e.ts = 1700000000000000000 + number * 1000;
    e.cpu = static_cast<int16_t>(node["cpu"] ? node["cpu"].as<int>() : 1);  // 1: where the test suite puts all its events
    e.tid = node["tid"].as<int64_t>();
    e.pid = e.tid;
    bool has_result = false;
    const char* result_names[] = {"res", "fd"};
    for (const auto& arg : node["args"]) {
        std::string name = arg.first.as<std::string>();
        if (name == "exepath") name = "trusted_exepath";
        if (name == "note_defaults") continue;
        const int i = event::find_param(e.info(), name);
        if (i < 0) return "event " + type + " has no argument " + name;
        if (!set_param(e, static_cast<unsigned>(i), arg.second)) return "cannot read argument " + name + " of " + type;
    }
    if (node["args"]["note_defaults"]) complete_exec(e, node["args"]);
    for (const char* name : result_names) {
        const int i = event::find_param(e.info(), name);
        if (i < 0) continue;
        const auto& v = e.param(static_cast<unsigned>(i));
        if (std::string_view(name) == "fd" && !(e.info().flags & event::kFdCreates)) break;
        has_result = v.kind == event::ParamValue::Kind::number;
        if (has_result) {
            e.has_result = true;
            e.result = v.number;
        } else {
            return "event " + type + " without its result is an enter event, which is not captured";
        }
        break;
    }
    return "";
}

void apply_enter(const YAML::Node& enter, event::Event& e) {
    if (enter["type"].as<std::string>() != e.name()) return;
    const bool opens = e.is(wire::Call::open) || e.is(wire::Call::openat) || e.is(wire::Call::openat2) || e.is(wire::Call::creat);
    for (const auto& arg : enter["args"]) {
        const std::string name = arg.first.as<std::string>();
        const int i = event::find_param(e.info(), name);
        if (i < 0 || (e.param(static_cast<unsigned>(i)).present() && !(opens && name == "name"))) continue;
        set_param(e, static_cast<unsigned>(i), arg.second);
    }
}

void add_init_thread(state::State& state) {
    auto image = std::make_shared<state::Image>();
    image->exe = image->exepath = "/sbin/init";
    image->args = {"context", "ls", "--format", "{{json .}}"};
    image->env = {"TEST_ENV_PARENT_LINEAGE=secret", "HOME=/home/user/parent"};
    state::Thread t;
    t.tid = t.pid = t.vtid = t.vpid = 1;
    t.ppid = 0;
    t.pgid = t.vpgid = 1;
    t.sid = 0;
    t.uid = t.gid = t.ruid = t.suid = t.rgid = t.sgid = 0;
    t.comm = t.kernel_comm = "init";
    t.image = image;
    t.cwd = "/root";
    t.fd_limit = 1024;
    state.add(t);
    state::FdInfo null;
    null.type = state::FdType::file;
    null.name = null.name_raw = "/dev/null";
    null.ino = 5;
    null.open_flags = event::kPpmORdonly;
    state.add_fd(1, 0, null);
}

void add_children(state::State& state) {
    const char* names[] = {"bash", "child"};
    const char* paths[] = {"/bin/bash", "/bin/child"};
    for (int i = 0; i < 2; ++i) {
        auto image = std::make_shared<state::Image>();
        image->exe = names[i];
        image->exepath = paths[i];
        state::Thread t;
        t.tid = t.pid = t.vtid = t.vpid = 2 + i;
        t.ppid = 1 + i;
        t.comm = t.kernel_comm = names[i];
        t.image = image;
        state.add(t);
    }
}

}  // namespace undercoat::conformance
