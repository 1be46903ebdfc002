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
const Words kOrdered = {"=", "==", "!=", "<", "<=", ">", ">=", "in", "intersects", "exists"};
const Words kListOperators = {"in", "intersects", "exists"};
const Words kPaths = {"/etc/shadow", "/etc",         "/etc/sh",     "/etc/shadow/", "/usr/bin/a", "/usr/bin",
                      "/usr",        "/usr/bin/b/c", "/ETC/Shadow", "sh",           "bash",       "",
                      "a",           "/tmp/x y",     "val",         "<NA>",         "/etc/{a}",   "x"};
const Words kGlobs = {"*", "/etc/*", "*sh", "?ash", "/usr/*/a", "[ab]*", "/etc/shado?", "*/BIN/*", "\\\\*", "[!b]ash",
                      "[[:alpha:]]*", "*[", "[]a]*", "/[a-", "*s*a*", ""};
const Words kRegexes = {".*", "/etc/.*", "(ba)?sh", "[a-c]+", "/usr/bin/(a|b).*", "b.sh", "/etc", "", "[^/]*", "(/[a-z]+)+"};
const Words kPrefixes = {"/etc",        "/usr/bin", "/usr/*",     "/usr/*/a", "/tmp", "/",
                         "/etc/shadow", "/e?c",     "/usr/bin/b", "/[a-f]tc", "sh", "//etc//", "*"};
const Words kHex = {"6162", "00ff", "61", "ab"};
const Words kWords = {"-a", "-bx", "-b", "x", "--", "--long", "-cab", "-", "-?", "file"};
const Words kLines = {"-a -b x file", "-cab -z", "", " -a  -bx", "x -a", "-b", "--long -a -- -c", "-a -b -c"};
const Words kBase64 = {"L2V0Yw==", "L2V0Yw", "YWI", "YQ=", "YQ==", "", "!!!!", "/+8="};
const Words kOptions = {"ab:c", "abc", "b:", "", ":a"};

const std::vector<FieldKind> kKinds = {
    {{"proc.name", "fd.name", "proc.pname", "evt.arg.name", "evt.arg[path]", "proc.aname[2]", "t.path"}, kTextOperators, kPaths},
    {{"fd.num", "evt.rawres", "evt.rawarg.res"}, kOrdered, {"0", "-1", "3", "5", "-13", "0x10", "9223372036854775807"}},
    {{"evt.num", "user.uid"}, kOrdered, {"0", "1", "1000", "-1", "0xff", "4294967295"}},
    {{"fd.sport", "fd.port"}, kOrdered, {"0", "22", "80", "http", "443", "0x16", "https"}},
    {{"evt.is_open_read", "fd.connected"}, {"=", "!=", "in", "intersects", "exists"}, {"true", "false"}},
    {{"fd.cip", "fd.ip"},
     {"=", "!=", "in", "intersects", "exists"},
     {"127.0.0.1", "10.0.0.1", "::1", "10.0.0.2", "::ffff:10.0.0.1"}},
    {{"fd.net", "fd.snet"},
     {"=", "!=", "in", "intersects", "exists"},
     {"127.0.0.0/8", "10.0.0.0/31", "10.0.0.1", "::1/128", "0.0.0.0/0", "::/0", "10.0.0.0/7"}},
    {{"proc.aname"}, kTextOperators, kPaths},
    {{"fd.types"}, kListOperators, {"file", "ipv4", "pipe"}},
    {{"evt.buffer"},
     {"=", "!=", "contains", "startswith", "endswith", "bcontains", "bstartswith", "in", "intersects", "exists"},
     {"6162", "00ff", "61", "ab"}},
    {{"fd.sip.name"}, {"=", "!=", "in", "intersects", "startswith", "exists"}, {"example.com", "example.org", "local"}},
    {{"evt.type"}, {"=", "!=", "in"}, {"open", "openat", "connect", "execve"}},
    {{"t.i8", "t.i16", "t.i32"}, kOrdered, {"0", "-1", "5", "127", "-128", "0x7f", "+5"}},
    {{"t.u8", "t.u16", "t.u64", "t.flags", "t.mode", "evt.rawarg.flags"}, kOrdered, {"0", "1", "5", "-1", "255", "0xFF"}},
    {{"t.rel", "t.abs"}, kOrdered, {"0", "1000", "-1", "18446744073709551615"}},
    {{"t.real"}, kOrdered, {"0", "3", "-1", "0x3"}},
    {{"t.words"}, kListOperators, kWords},
    {{"t.line"}, kTextOperators, kLines},
    {{"t.base64"}, kTextOperators, kBase64},
};

enum : size_t {
    kText, kSigned, kUnsigned, kPort, kBool, kIp, kNet, kAncestors, kList, kBytes, kHost, kType, kSmallSigned, kSmallUnsigned,
    kTime, kReal, kWordList, kLine, kEncoded
};

bool is_text_kind(size_t kind) {
    return kind == kText || kind == kAncestors || kind == kList || kind == kWordList || kind == kLine || kind == kEncoded;
}

FieldInfo with_mode(FieldInfo f, MatchMode mode) {
    f.bare_mode = mode;
    return f;
}

FieldInfo as_list(FieldInfo f) {
    f.is_list = true;
    return f;
}

std::string quoted(const std::string& s) { return '"' + s + '"'; }

}  // namespace

FieldInfo by_type(FieldInfo f) {
    f.by_type = true;
    return f;
}

std::unique_ptr<test::TestCatalogue> make_catalogue() {
    const auto field = [](std::string_view name, FieldType type = FieldType::text) {
        return test::TestCatalogue::field(name, type);
    };
    return std::make_unique<test::TestCatalogue>(
        std::vector<FieldInfo>{field("proc.name"), field("fd.name", FieldType::path), field("proc.pname"),
                               field("fd.num", FieldType::int64), field("evt.rawres", FieldType::int64),
                               field("evt.num", FieldType::uint64), field("user.uid", FieldType::uint32),
                               field("fd.sport", FieldType::port), field("evt.is_open_read", FieldType::boolean),
                               with_mode(field("fd.port", FieldType::port), MatchMode::either_side),
                               field("fd.connected", FieldType::boolean), field("fd.cip", FieldType::ip),
                               with_mode(field("fd.ip", FieldType::ip), MatchMode::either_side),
                               with_mode(field("fd.net", FieldType::net), MatchMode::either_side),
                               field("fd.snet", FieldType::net), with_mode(field("proc.aname"), MatchMode::any_of),
                               as_list(field("fd.types")), field("evt.buffer", FieldType::bytes),
                               with_mode(field("fd.sip.name"), MatchMode::host_name), by_type(field("evt.type")), field("evt.arg"),
                               field("evt.rawarg", FieldType::dynamic), field("t.path", FieldType::path),
                               field("t.i8", FieldType::int8), field("t.i16", FieldType::int16),
                               field("t.i32", FieldType::int32), field("t.u8", FieldType::uint8),
                               field("t.u16", FieldType::uint16), field("t.u64", FieldType::uint64),
                               field("t.flags", FieldType::flags), field("t.mode", FieldType::mode),
                               field("t.rel", FieldType::reltime), field("t.abs", FieldType::abstime),
                               field("t.real", FieldType::real), as_list(field("t.words")), field("t.line"),
                               field("t.base64")},
        std::vector<std::string>{"open", "openat", "connect", "execve", "close"},
        std::map<std::string, FieldType>{{"name", FieldType::path}, {"path", FieldType::path}, {"flags", FieldType::flags},
                                         {"res", FieldType::int64}});
}

std::string Generator::text_operand() {
    const std::string name = pick(kKinds[kText].names);
    switch (below(9)) {
        case 0: return "tolower(" + name + ")";
        case 1: return "toupper(basename(" + name + "))";
        case 2: return "basename(" + name + ")";
        case 3: return "concat(" + name + ", " + quoted("x") + ", proc.pname)";
        case 4: return "join(" + quoted(",") + ", (" + name + ", proc.name))";
        case 5: return "join(" + name + ", " + pick({"fd.types", "t.words", "tolower(fd.types)"}) + ")";
        case 6: return "b64(t.base64)";
        case 7: return "getopt(" + std::string(pick({"t.words", "t.line"})) + ", " + quoted(pick(kOptions)) + ")[" +
                       pick({"a", "b", "c", "?"}) + "]";
        default: return "concat(tolower(" + name + "), b64(t.base64))";
    }
}

std::string Generator::list_operand() {
    switch (below(3)) {
        case 0: return "getopt(" + std::string(pick({"t.words", "t.line"})) + ", " + quoted(pick(kOptions)) + ")";
        case 1: return std::string(pick({"tolower", "toupper", "basename"})) + "(" + pick({"fd.types", "t.words"}) + ")";
        default: return "tolower(getopt(t.words, " + quoted(pick(kOptions)) + "))";
    }
}

std::string Generator::left(size_t kind) {
    const std::string name = pick(kKinds[kind].names);
    if (below(4) != 0) return name;
    if (kind == kText || kind == kEncoded) return text_operand();
    if (kind == kList || kind == kWordList) return list_operand();
    if (kind == kAncestors) return "basename(tolower(proc.aname))";
    if (kind == kBytes) return "b64(evt.buffer)";
    return name;
}

std::string Generator::literal(size_t kind, const std::string& op) {
    if (op == "glob" || op == "iglob") return quoted(pick(kGlobs));
    if (op == "regex") return quoted(pick(kRegexes));
    if (op == "pmatch") return quoted(pick(kPrefixes));
    if (op == "bcontains" || op == "bstartswith") return pick(kHex);
    const std::string word = pick(kKinds[kind].values);
    if (!is_text_kind(kind)) return word;
    return below(4) != 0 ? quoted(word) : "'" + word + "'";
}

std::string Generator::list(size_t kind, const std::string& op) {
    std::string s = "(";
    for (unsigned n = below(5), i = 0; i < n; ++i) s += (i ? ", " : "") + literal(kind, op);
    return s + ")";
}

// A field or transformer on the right, mostly of a type that fits.
std::string Generator::right_operand(size_t kind, bool list) {
    if (list && below(2)) return below(2) ? "val(" + std::string(pick({"fd.types", "t.words"})) + ")" : list_operand();
    if (is_text_kind(kind) && below(2)) return text_operand();
    return "val(" + std::string(pick(kKinds[kind].names)) + ")";
}

std::string Generator::comparison() {
    const size_t kind = below(static_cast<unsigned>(kKinds.size()));
    const FieldKind& k = kKinds[kind];
    const std::string op = below(10) == 0 ? pick(kTextOperators) : pick(k.operators);
    if (below(12) == 0 && kind != kType)
        return "len(" + std::string(pick(kKinds[std::vector<size_t>{kText, kList, kBytes}[below(3)]].names)) + ") " +
               pick({"=", ">", "<="}) + " " + pick({"0", "1", "4", "11"});
    const std::string l = left(kind);
    if (op == "exists") return l + " exists";
    const bool in_list = op == "in" || op == "intersects" || op == "pmatch";
    if (below(8) == 0 && kind != kType && op != "pmatch" && op != "regex")
        return l + " " + op + " " + right_operand(kind, in_list);
    if (in_list) return l + " " + op + " " + list(kind, op);
    const bool ordered = op[0] == '<' || op[0] == '>';  // these take a number only
    if (below(6) == 0 && !ordered) return l + " " + op + " " + pick({"oneof", "anyof", "allof"}) + " " + list(kind, op);
    const bool number_kind = kind == kSigned || kind == kUnsigned || kind == kSmallSigned || kind == kSmallUnsigned ||
                             kind == kTime || kind == kReal;
    if (ordered && !number_kind) return l + " " + op + " " + (below(2) ? "5" : "0x2f");
    return l + " " + op + " " + literal(kind, op);
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

// Values of the types that few fields have.
void Generator::small_values(test::TestEvent& e) {
    const auto given = [&] { return below(5) != 0; };
    const auto number = [&](const char* name, bool is_signed, std::vector<int64_t> of) {
        const int64_t n = of[below(static_cast<unsigned>(of.size()))];
        if (given()) e.values[name] = is_signed ? Value::i64(n) : Value::u64(static_cast<uint64_t>(n));
    };
    for (const char* name : kKinds[kSmallSigned].names) number(name, true, {0, -1, 5, 127, -128});
    number("t.u8", false, {0, 1, 5, 255});
    number("t.u16", false, {0, 5, 255, 65535});
    number("t.u64", false, {0, 5, -1});
    for (const char* name : {"t.flags", "t.mode", "evt.rawarg.flags"}) number(name, false, {0, 1, 255, 4294967295});
    for (const char* name : kKinds[kTime].names) number(name, false, {0, 1000, 999, -1});
    if (given()) e.values["t.real"] = Value::real(std::vector<double>{0, 0.5, 3, -1, 2.999}[below(5)]);
    if (given()) e.set_text("t.line", pick(kLines));
    if (given()) e.set_text("t.base64", pick(kBase64));
    if (!given()) return;
    std::vector<Value> words;
    for (unsigned n = below(5); n > 0; --n) words.push_back(Value::text(pick(kWords)));
    e.set_list("t.words", std::move(words));
}

test::TestEvent Generator::event() {
    const auto type = static_cast<rules::EventTypeId>(below(5));
    test::TestEvent e(type);
    static constexpr const char* kTypes[] = {"open", "openat", "connect", "execve", "close"};
    e.set_text("evt.type", kTypes[type]);
    const auto given = [&] { return below(5) != 0; };
    for (const char* name : kKinds[kText].names)
        if (given()) e.set_text(name, pick(kPaths));
    small_values(e);
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
    if (given()) {
        std::vector<Value> ports{Value::u64(80)};
        if (below(2)) ports.push_back(Value::u64(below(2) ? 22 : 80));
        e.set_list("fd.port", std::move(ports));
    }
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
            Value::bytes(std::vector<std::string_view>{"ab", {"\0\xff", 2}, "", "xaby", "6162", "L2V0Yw=="}[below(6)]);
    if (given()) {
        if (below(2)) e.set_text("fd.sip.name", pick(kKinds[kHost].values));
        else e.values["fd.sip.name"] = address();
    }
    for (const char* name : kKinds[kHost].values)
        if (below(2)) e.names.insert({name, pick(kKinds[kIp].values)});
    return e;
}

}  // namespace undercoat::oracle
