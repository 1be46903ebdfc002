// See generator.h.
#include "tests/oracle/generator.h"

namespace undercoat::oracle {
namespace {

using rules::FieldInfo;
using rules::FieldType;
using rules::MatchMode;
using rules::Value;
using Words = std::vector<const char*>;

// A kind of field: its names, the operators that it takes, values for literals and events.
struct FieldKind {
    Words names, operators, values;
};

const Words kTextOperators = {"=",     "==",    "!=",     "contains", "icontains",  "startswith", "endswith", "glob",
                              "iglob", "regex", "pmatch", "in",       "intersects", "exists",     "<",        ">="};
const Words kOrdered = {"=", "!=", "<", "<=", ">", ">=", "in", "intersects", "exists"};
const Words kPaths = {"/etc/shadow", "/etc",         "/etc/sh",     "/etc/shadow/", "/usr/bin/a", "/usr/bin",
                      "/usr",        "/usr/bin/b/c", "/ETC/Shadow", "sh",           "bash",       "",
                      "a",           "/tmp/x y",     "val"};
const Words kGlobs = {"*", "/etc/*", "*sh", "?ash", "/usr/*/a", "[ab]*", "/etc/shado?", "*/BIN/*", "\\\\*", "[!b]ash"};
const Words kRegexes = {".*", "/etc/.*", "(ba)?sh", "[a-c]+", "/usr/bin/(a|b).*", "b.sh", "/etc", ""};
const Words kPrefixes = {"/etc",        "/usr/bin", "/usr/*",     "/usr/*/a", "/tmp",
                         "/etc/shadow", "/e?c",     "/usr/bin/b", "/[a-f]tc"};

const std::vector<FieldKind> kKinds = {
    {{"proc.name", "fd.name", "proc.pname"}, kTextOperators, kPaths},
    {{"fd.num", "evt.rawres"}, kOrdered, {"0", "-1", "3", "5", "-13", "0x10", "9223372036854775807"}},
    {{"evt.num", "user.uid"}, kOrdered, {"0", "1", "1000", "-1", "0xff", "4294967295"}},
    {{"fd.sport"}, kOrdered, {"0", "22", "80", "http", "443", "0x16", "https"}},
    {{"evt.is_open_read", "fd.connected"}, {"=", "!=", "in", "exists"}, {"true", "false"}},
    {{"fd.cip", "fd.ip"},
     {"=", "!=", "in", "intersects", "exists"},
     {"127.0.0.1", "10.0.0.1", "::1", "10.0.0.2", "::ffff:10.0.0.1"}},
    {{"fd.net", "fd.snet"},
     {"=", "!=", "in", "exists"},
     {"127.0.0.0/8", "10.0.0.0/31", "10.0.0.1", "::1/128", "0.0.0.0/0", "::/0", "10.0.0.0/7"}},
    {{"proc.aname"}, kTextOperators, kPaths},
    {{"fd.types"}, {"in", "intersects", "exists"}, {"file", "ipv4", "pipe"}},
    {{"evt.buffer"},
     {"=", "!=", "contains", "startswith", "endswith", "bcontains", "bstartswith", "in", "exists"},
     {"6162", "00ff", "61", "ab"}},
    {{"fd.sip.name"}, {"=", "!=", "in", "startswith", "exists"}, {"example.com", "example.org", "local"}},
    {{"evt.type"}, {"=", "!=", "in"}, {"open", "openat", "connect", "execve"}},
};

enum : size_t { kText, kSigned, kUnsigned, kPort, kBool, kIp, kNet, kAncestors, kList, kBytes, kHost, kType };

FieldInfo with_mode(FieldInfo f, MatchMode mode) {
    f.bare_mode = mode;
    return f;
}

std::string quoted(const std::string& s) { return '"' + s + '"'; }

}  // namespace

std::unique_ptr<test::TestCatalogue> make_catalogue() {
    const auto field = [](std::string_view name, FieldType type = FieldType::text) {
        return test::TestCatalogue::field(name, type);
    };
    FieldInfo list = field("fd.types");
    list.is_list = true;
    return std::make_unique<test::TestCatalogue>(
        std::vector<FieldInfo>{field("proc.name"), field("fd.name", FieldType::path), field("proc.pname"),
                               field("fd.num", FieldType::int64), field("evt.rawres", FieldType::int64),
                               field("evt.num", FieldType::uint64), field("user.uid", FieldType::uint32),
                               field("fd.sport", FieldType::port), field("evt.is_open_read", FieldType::boolean),
                               field("fd.connected", FieldType::boolean), field("fd.cip", FieldType::ip),
                               with_mode(field("fd.ip", FieldType::ip), MatchMode::either_side),
                               with_mode(field("fd.net", FieldType::net), MatchMode::either_side),
                               field("fd.snet", FieldType::net), with_mode(field("proc.aname"), MatchMode::any_of),
                               list, field("evt.buffer", FieldType::bytes),
                               with_mode(field("fd.sip.name"), MatchMode::host_name), field("evt.type")},
        std::vector<std::string>{"open", "openat", "connect", "execve", "close"});
}

std::string Generator::left(size_t kind) {
    const std::string name = pick(kKinds[kind].names);
    if (kind != kText || below(4) != 0) return name;
    switch (below(5)) {
        case 0: return "tolower(" + name + ")";
        case 1: return "toupper(" + name + ")";
        case 2: return "basename(" + name + ")";
        case 3: return "concat(" + name + ", " + quoted("x") + ", proc.pname)";
        default: return "join(" + quoted(",") + ", (" + name + ", proc.name))";
    }
}

std::string Generator::literal(size_t kind) {
    const std::string word = pick(kKinds[kind].values);
    return kind == kText || kind == kAncestors ? quoted(word) : word;
}

std::string Generator::list(size_t kind) {
    std::string s = "(";
    for (unsigned n = below(5), i = 0; i < n; ++i) s += (i ? ", " : "") + literal(kind);
    return s + ")";
}

std::string Generator::right_text(const std::string& op, size_t kind) {
    const bool text = kind == kText || kind == kAncestors;
    if (op == "glob" || op == "iglob") return quoted(pick(kGlobs));
    if (op == "regex") return quoted(pick(kRegexes));
    const bool ordered = op[0] == '<' || op[0] == '>';  // these take a number only
    if (ordered && (text || kind == kPort || kind > kPort)) return below(2) ? "5" : "0x2f";
    return literal(kind);
}

std::string Generator::comparison() {
    const size_t kind = below(static_cast<unsigned>(kKinds.size()));
    const FieldKind& k = kKinds[kind];
    const std::string op = below(10) == 0 ? pick(kTextOperators) : pick(k.operators);
    if (below(12) == 0 && kind != kType)
        return "len(" + std::string(pick(kKinds[below(2) ? kText : kList].names)) + ") " + pick({"=", ">", "<="}) +
               " " + pick({"0", "1", "4", "11"});
    const std::string l = left(kind);
    if (op == "exists") return l + " exists";
    if (op == "pmatch") {
        std::string s = l + " pmatch (";
        for (unsigned n = 1 + below(3), i = 0; i < n; ++i)
            s += (i ? std::string(", ") : std::string()) + pick(kPrefixes);
        return s + ")";
    }
    if (op == "in" || op == "intersects") return l + " " + op + " " + list(kind);
    if (below(8) == 0 && kind != kType) return l + " " + op + " val(" + pick(k.names) + ")";
    const bool modifiable = op == "=" || op == "!=" || (op[0] >= 'a' && op != "regex");
    if (below(6) == 0 && modifiable) return l + " " + op + " " + pick({"oneof", "anyof", "allof"}) + " " + list(kind);
    return l + " " + op + " " + right_text(op, kind);
}

std::string Generator::condition(unsigned depth, unsigned macros) {
    const unsigned choice = depth == 0 ? 9 : below(10);
    if (choice < 4) {
        const char* word = below(2) ? " and " : " or ";
        std::string s = "(";
        for (unsigned n = 2 + below(3), i = 0; i < n; ++i) s += (i ? word : "") + condition(depth - 1, macros);
        return s + ")";
    }
    if (choice < 6) return "not " + condition(depth - 1, macros);
    if (choice < 8 && macros > 0) return "m" + std::to_string(below(macros));
    return comparison();
}

test::TestEvent Generator::event() {
    const auto type = static_cast<rules::EventTypeId>(below(5));
    test::TestEvent e(type);
    static constexpr const char* kTypes[] = {"open", "openat", "connect", "execve", "close"};
    e.set_text("evt.type", kTypes[type]);
    const auto given = [&] { return below(5) != 0; };
    for (const char* name : kKinds[kText].names)
        if (given()) e.set_text(name, pick(kPaths));
    for (const char* name : kKinds[kSigned].names)
        if (given())
            e.values[name] = Value::i64(std::vector<int64_t>{0, -1, 3, 5, -13, 16, INT64_MAX, INT64_MIN}[below(8)]);
    // Events are counted from 1: rules rely on evt.num=0 being never true, and are not run for it.
    e.values["evt.num"] = Value::u64(std::vector<uint64_t>{1, 2, 1000, 255, UINT64_MAX}[below(5)]);
    if (given()) e.values["user.uid"] = Value::u64(std::vector<uint64_t>{0, 1, 1000, 255, 4294967295}[below(5)]);
    if (given()) e.values["fd.sport"] = Value::u64(std::vector<uint64_t>{0, 22, 80, 443, 65535}[below(5)]);
    for (const char* name : kKinds[kBool].names)
        if (given()) e.values[name] = Value::boolean(below(2));
    const auto address = [&] { return Value::ip(*rules::IpAddress::parse(pick(kKinds[kIp].values))); };
    for (const char* name : {"fd.cip", "fd.snet"})
        if (given()) e.values[name] = address();
    for (const char* name : {"fd.ip", "fd.net"}) {
        if (!given()) continue;
        std::vector<Value> sides{address()};
        if (below(2)) sides.push_back(address());
        e.set_list(name, std::move(sides));
    }
    if (given()) {
        std::vector<Value> names;
        for (unsigned n = below(4); n > 0; --n) names.push_back(Value::text(pick(kPaths)));
        e.set_list("proc.aname", std::move(names));
    }
    if (given()) {
        std::vector<Value> types;
        for (unsigned n = below(4); n > 0; --n) types.push_back(Value::text(pick(kKinds[kList].values)));
        e.set_list("fd.types", std::move(types));
    }
    if (given())
        e.values["evt.buffer"] =
            Value::bytes(std::vector<std::string_view>{"ab", {"\0\xff", 2}, "", "xaby", "6162"}[below(5)]);
    if (given()) {
        if (below(2)) e.set_text("fd.sip.name", pick(kKinds[kHost].values));
        else e.values["fd.sip.name"] = address();
    }
    for (const char* name : kKinds[kHost].values)
        if (below(2)) e.names.insert({name, pick(kKinds[kIp].values)});
    return e;
}

}  // namespace undercoat::oracle
