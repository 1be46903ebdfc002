// Fields that only Undercoat has: how the event was captured, whom it is aimed at, the asked name of a connection, what is in the
// executed file.
#include "supervisor/fields/field.h"

#include "supervisor/fields/file_hashes.h"

#include <cctype>
#include <charconv>

namespace undercoat::fields {
namespace {

using T = FieldType;

std::string_view origin_name(wire::Origin o) {
    switch (o) {
        case wire::Origin::shim: return "shim";
        case wire::Origin::notify: return "notify";
        case wire::Origin::ptrace: return "ptrace";
        case wire::Origin::scan: return "scan";
        case wire::Origin::capture: return "capture";
    }
    return "unknown";
}

std::string_view last_part(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool has_many_programs(std::string_view name) { return name == "busybox" || name == "toybox" || name == "coreutils"; }

// Busybox' shell starts its own programs by /proc/self/exe, so that their name is "exe"; argv[0] says which is meant. Who calls
// "busybox wget" means wget.
std::string_view tool_of(const Thread& t) {
    const state::Image& image = *t.image;
    if (t.comm != "exe" && !has_many_programs(t.comm)) return t.comm;
    if (!has_many_programs(last_part(image.exepath))) return t.comm;
    const std::string_view called = last_part(image.exe);
    if (!has_many_programs(called)) return called;
    return image.args.empty() ? called : last_part(image.args.front());
}

Value tool(const Access& a) { return a.thread ? Value::text(tool_of(*a.thread)) : Value(); }

Value parent_tool(const Access& a) {
    const Thread* p = a.thread ? a.state.parent(*a.thread) : nullptr;
    return p ? Value::text(tool_of(*p)) : Value();
}

// The number after "/proc/", -1 where there is none.
int64_t process_of_path(std::string_view path) {
    constexpr std::string_view kProc = "/proc/";
    int64_t pid = -1;
    if (!path.starts_with(kProc)) return -1;
    const char* const end = path.data() + path.size();
    const auto [at, error] = std::from_chars(path.data() + kProc.size(), end, pid);
    return error == std::errc{} && (at == end || *at == '/') ? pid : -1;
}

Value target_is_agent(const Access& a) {
    if (a.context.fd != nullptr) return Value::boolean(a.state.is_agent(process_of_path(a.context.fd->name)));
    for (const char* param : {"pid", "tid"}) {
        const event::ParamValue& p = a.event.param(param);
        if (p.kind != event::ParamValue::Kind::number) continue;
        const int64_t id = static_cast<int32_t>(p.number);  // a group's number is negative; -1 means everybody
        if (id != -1 && a.state.is_agent(id < 0 ? -id : id)) return Value::boolean(true);
    }
    return Value::boolean(false);
}

// The name that was looked up and had the server's address as an answer. It may be learnt later, hence `varied`.
std::string_view asked_name(const Access& a) {
    a.varied = true;
    const FdInfo* fd = a.context.fd;
    return fd != nullptr && fd->is_ip() ? a.state.host_name(fd->tuple.destination) : std::string_view();
}

Value lowered(const Access& a) {
    std::string_view name = asked_name(a);
    while (name.ends_with('.')) name.remove_suffix(1);
    if (name.empty()) return {};
    char* const to = static_cast<char*>(a.arena.allocate(name.size(), 1));
    for (size_t i = 0; i < name.size(); ++i) to[i] = static_cast<char>(std::tolower(static_cast<unsigned char>(name[i])));
    return Value::text({to, name.size()});
}

// The name, and what is left of it after each dot.
Value domains(const Access& a) {
    constexpr size_t kMost = 32;
    Value found[kMost];
    size_t n = 0;
    const Value whole = lowered(a);
    if (!whole.exists()) return {};
    std::string_view rest = whole.text();
    while (n < kMost && !rest.empty()) {
        found[n++] = Value::text(rest);
        const size_t dot = rest.find('.');
        rest = dot == rest.npos ? std::string_view() : rest.substr(dot + 1);
    }
    auto list = a.arena.array<Value>(n);
    for (size_t i = 0; i < n; ++i) list[i] = found[i];
    return Value::list(list);
}

Value exe_sha256(const Access& a) {
    // A capture's files are those of another machine.
    if (!a.thread || !a.surroundings.hashes || a.event.origin == wire::Origin::capture) return {};
    const state::Image& image = *a.thread->image;
    const std::string_view text = a.surroundings.hashes->sha256(
        {a.thread->pid, image.exepath, image.exe_ino, image.exe_ctime, image.exe_mtime});
    if (text.empty()) a.varied = true;
    return text.empty() ? Value() : a.copy(text);
}

constexpr Field kFields[] = {
    {"evt.origin", T::text, [](const Access& a) { return Value::text(origin_name(a.event.origin)); },
     "who saw the call: shim, notify, ptrace, scan (state read from /proc), or capture (a .scap file)"},
    {"evt.result_inferred", T::boolean, [](const Access& a) { return Value::boolean(a.event.inferred); },
     "the result was derived before the call ran"},
    {"evt.result_unknown", T::boolean, [](const Access& a) { return Value::boolean(a.event.result_unknown); },
     "the result is not known and is taken for a success"},
    {"evt.target_is_agent", T::boolean, target_is_agent,
     "the call is aimed at a process of Undercoat: by its number, or by a file of it in /proc"},
    {"fd.asked.name", T::text, lowered, "name that was looked up for the server's address, in lower case; of programs with a libc"},
    Field{"fd.asked.domains", T::text, domains, "fd.asked.name and the domains that it lies in"}.list().no_rhs(),
    {"proc.tool", T::text, tool, "proc.name; of busybox and its like, which of their programs runs"},
    {"proc.ptool", T::text, parent_tool, "the same of the parent"},
    {"proc.exe_sha256", T::text, exe_sha256, "SHA-256 of the executable file; not of files over 128 MiB, nor in replays"},
};

}  // namespace

std::span<const Field> own_fields() { return kFields; }

}  // namespace undercoat::fields
