// See slow_evaluator.h.
#include "tests/oracle/slow_evaluator.h"

#include <arpa/inet.h>
#include <fnmatch.h>
#include <netdb.h>
#include <regex.h>

#include <cstring>
#include <deque>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace undercoat::oracle {
namespace {

using namespace rules;
__extension__ typedef __int128 Wide;

// A value as this evaluator sees it: a number with its sign, a text, or an address.
struct Plain {
    enum class Kind { integer, real, text, address } kind = Kind::text;
    Wide integer = 0;  // booleans too
    double real = 0;
    std::string text;      // of an address: its 4 or 16 bytes
};

struct Found {
    bool exists = false;
    bool is_list = false;       // a field of several values, or a list made of several operands
    MatchMode mode = MatchMode::scalar;
    FieldType type = FieldType::text;
    std::vector<Plain> values;
};

Plain number(Wide n) { return {Plain::Kind::integer, n, 0, ""}; }
Plain real(double d) { return {Plain::Kind::real, 0, d, ""}; }
Plain text(std::string s) { return {Plain::Kind::text, 0, 0, std::move(s)}; }
Plain address(std::string s) { return {Plain::Kind::address, 0, 0, std::move(s)}; }

Plain plain(const Value& v) {
    switch (v.kind()) {
        case Value::Kind::boolean: return number(v.boolean());
        case Value::Kind::i64: return number(v.i64());
        case Value::Kind::u64: return number(v.u64());
        case Value::Kind::text: case Value::Kind::bytes: return text(std::string(v.text()));
        case Value::Kind::ip:
            return address(std::string(reinterpret_cast<const char*>(v.ip().bytes.data()), v.ip().v6 ? 16 : 4));
        case Value::Kind::real: return real(v.real());
        default: throw std::logic_error("the generator makes no such value");
    }
}

std::string lower(std::string s) {
    for (char& c : s)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return s;
}

std::string upper(std::string s) {
    for (char& c : s)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return s;
}

std::string shown(const Plain& p) {
    if (p.kind != Plain::Kind::integer) return p.text;
    return std::to_string(static_cast<int64_t>(p.integer));
}

bool is_number_type(FieldType t) { return t >= FieldType::int8 && t <= FieldType::abstime; }

unsigned width_of(FieldType t) {
    switch (t) {
        case FieldType::int8: case FieldType::uint8: return 8;
        case FieldType::int16: case FieldType::uint16: case FieldType::port: return 16;
        case FieldType::int32: case FieldType::uint32: case FieldType::flags: case FieldType::mode: return 32;
        default: return 64;
    }
}

bool is_signed(FieldType t) { return t >= FieldType::int8 && t <= FieldType::int64; }

// A literal beside a field of this type.
Plain literal(FieldType type, const std::string& s) {
    if (type == FieldType::boolean) return number(s == "true");
    if (type == FieldType::ip) {
        char bytes[16];
        if (inet_pton(AF_INET, s.c_str(), bytes) == 1) return address(std::string(bytes, 4));
        if (inet_pton(AF_INET6, s.c_str(), bytes) == 1) return address(std::string(bytes, 16));
        throw std::logic_error("no address: " + s);
    }
    if (type == FieldType::real) return real(static_cast<double>(literal(FieldType::int64, s).integer));
    if (!is_number_type(type)) return text(s);
    if (type == FieldType::port && !s.empty() && s.find_first_not_of("0123456789abcdefxABCDEFX-+") != s.npos) {
        const servent* service = getservbyname(s.c_str(), nullptr);
        if (!service) throw std::logic_error("no service: " + s);
        return number(ntohs(static_cast<uint16_t>(service->s_port)));
    }
    const bool negative = s.starts_with('-');
    const std::string digits = s.substr(negative || s.starts_with('+') ? 1 : 0);
    const bool hex = digits.starts_with("0x") || digits.starts_with("0X");
    Wide n = static_cast<Wide>(std::stoull(digits, nullptr, hex ? 16 : 10));
    if (negative) n = -n;
    if (n < 0 && !is_signed(type)) n += static_cast<Wide>(1) << width_of(type);
    return number(n);
}

bool in_network(const Plain& address, const std::string& cidr) {
    const size_t slash = cidr.find('/');
    const Plain net = literal(FieldType::ip, cidr.substr(0, slash));
    if (net.text.size() != address.text.size()) return false;
    const size_t bits = slash == cidr.npos ? net.text.size() * 8 : std::stoul(cidr.substr(slash + 1));
    for (size_t i = 0; i < bits; ++i) {
        const unsigned mask = 0x80u >> (i % 8);
        if ((static_cast<unsigned char>(net.text[i / 8]) & mask) !=
            (static_cast<unsigned char>(address.text[i / 8]) & mask))
            return false;
    }
    return true;
}

std::vector<std::string> components(const std::string& path) {
    std::vector<std::string> out;
    for (size_t at = 0; at < path.size();) {
        const size_t end = std::min(path.find('/', at), path.size());
        if (end > at) out.push_back(path.substr(at, end - at));
        at = end + 1;
    }
    return out;
}

bool below(const std::string& path, const std::string& prefix) {
    const auto have = components(path), want = components(prefix);
    if (want.size() > have.size()) return false;
    for (size_t i = 0; i < want.size(); ++i) {
        const bool pattern = want[i].find_first_of("?*[") != std::string::npos;
        if (pattern ? fnmatch(want[i].c_str(), have[i].c_str(), 0) != 0 : want[i] != have[i]) return false;
    }
    return true;
}

bool matches_regex(const std::string& s, const std::string& pattern) {
    regex_t r;
    if (regcomp(&r, ("^(" + pattern + ")$").c_str(), REG_EXTENDED | REG_NOSUB) != 0)
        throw std::logic_error("no regex: " + pattern);
    const bool matched = regexec(&r, s.c_str(), 0, nullptr, 0) == 0;
    regfree(&r);
    return matched;
}

std::string from_hex(const std::string& s) {
    std::string out;
    for (size_t i = 0; i + 1 < s.size(); i += 2) out += static_cast<char>(std::stoi(s.substr(i, 2), nullptr, 16));
    return out;
}

// RFC 4648, bit by bit; nothing where a character or the length is wrong.
std::optional<std::string> from_base64(std::string s) {
    static const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int i = 0; i < 2 && !s.empty() && s.back() == '='; ++i) s.pop_back();
    std::vector<bool> bits;
    for (char c : s) {
        const size_t digit = alphabet.find(c);
        if (digit == alphabet.npos) return std::nullopt;
        for (int bit = 5; bit >= 0; --bit) bits.push_back(digit >> bit & 1);
    }
    if (s.size() % 4 == 1) return std::nullopt;
    std::string out;
    for (size_t at = 0; at + 8 <= bits.size(); at += 8) {
        unsigned byte = 0;
        for (size_t i = 0; i < 8; ++i) byte = byte * 2 + bits[at + i];
        out += static_cast<char>(byte);
    }
    return out;
}

// The options in these words as pairs of letter and argument; without one where the option takes none.
std::vector<std::pair<char, std::optional<std::string>>> options_in(const std::vector<std::string>& words, std::string known) {
    std::vector<std::pair<char, std::optional<std::string>>> out;
    if (known.starts_with(':')) known.erase(0, 1);
    for (size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (word.size() < 2 || word[0] != '-' || word == "--") break;
        if (word.starts_with("--")) continue;
        for (size_t k = 1; k < word.size(); ++k) {
            const size_t at = word[k] == ':' ? known.npos : known.find(word[k]);
            const bool takes = at != known.npos && known.substr(at + 1, 1) == ":";
            if (!takes) {
                out.emplace_back(at == known.npos ? '?' : word[k], std::nullopt);
                continue;
            }
            std::string argument = word.substr(k + 1);
            if (argument.empty() && i + 1 < words.size()) argument = words[++i];
            out.emplace_back(word[k], argument);
            break;
        }
    }
    return out;
}

std::vector<std::string> split(const std::string& line) {
    std::vector<std::string> words;
    std::string word;
    for (char c : line + ' ') {
        if (c != ' ') word += c;
        else if (!word.empty()) words.push_back(std::exchange(word, ""));
    }
    return words;
}

class Walker {
public:
    Walker(const MacroLookup& macros, const Catalogue& catalogue, EventView& event)
        : macros_(macros), catalogue_(catalogue), event_(event) {}

    bool verdict(const Node& n) {
        switch (n.kind) {
            case Node::Kind::all:
                for (const auto& c : n.children)
                    if (!verdict(*c)) return false;
                return true;
            case Node::Kind::any:
                for (const auto& c : n.children)
                    if (verdict(*c)) return true;
                return false;
            case Node::Kind::negation: return !verdict(*n.children[0]);
            case Node::Kind::macro: return verdict(*macros_(n.name));
            case Node::Kind::comparison: return compare(n);
        }
        return false;
    }

private:
    Found field(const Operand& o) {
        const auto argument = o.argument ? std::optional<std::string_view>(*o.argument) : std::nullopt;
        auto resolved = find_field(catalogue_, o.text, argument);
        const FieldRef& ref = std::get<FieldRef>(resolved);
        const Value v = event_.extract(ref, arena_);
        Found f{v.exists(), ref.is_list, ref.mode, ref.type, {}};
        if (!v.exists()) return f;
        if (v.kind() != Value::Kind::list) f.values.push_back(plain(v));
        else
            for (const Value& item : v.list()) f.values.push_back(plain(item));
        return f;
    }

    Found operand(const Operand& o) {
        switch (o.kind) {
            case Operand::Kind::field: return field(o);
            case Operand::Kind::transformer: return transformer(o);
            case Operand::Kind::list: return together(o.items, true);
            default: return {true, false, MatchMode::scalar, FieldType::text, {text(o.text)}};
        }
    }

    Found together(const std::vector<Operand>& items, bool is_list) {
        Found all{true, is_list, MatchMode::scalar, FieldType::text, {}};
        for (const Operand& item : items) {
            const Found one = operand(item);
            if (!one.exists) return {};
            all.values.insert(all.values.end(), one.values.begin(), one.values.end());
        }
        return all;
    }

    Found transformer(const Operand& o) {
        std::vector<Found> arguments;
        for (const Operand& item : o.items) {
            arguments.push_back(operand(item));
            if (!arguments.back().exists) return {};
        }
        Found out{true, arguments[0].is_list, arguments[0].mode, FieldType::text, {}};
        if (o.text == "len") {
            const Found& a = arguments[0];
            out.is_list = false;
            out.mode = MatchMode::scalar;
            out.type = FieldType::uint64;
            out.values = {number(static_cast<Wide>(a.is_list ? a.values.size() : a.values[0].text.size()))};
            return out;
        }
        if (o.text == "getopt") return getopt(o, arguments);
        if (o.text == "concat" || o.text == "join") {
            out.is_list = false, out.mode = MatchMode::scalar;
            std::string s;
            const bool join = o.text == "join";
            const std::vector<Plain>& items = join ? arguments[1].values : out.values;
            if (!join)
                for (const Found& a : arguments) s += shown(a.values[0]);
            for (size_t i = 0; i < items.size(); ++i)
                s += (i ? shown(arguments[0].values[0]) : std::string()) + shown(items[i]);
            out.values = {text(s)};
            return out;
        }
        for (const Plain& p : arguments[0].values) {
            if (o.text == "tolower") out.values.push_back(text(lower(p.text)));
            else if (o.text == "toupper") out.values.push_back(text(upper(p.text)));
            else if (o.text == "b64") {
                const auto decoded = from_base64(p.text);
                if (!decoded) return {};
                out.type = arguments[0].type;
                out.values.push_back(text(*decoded));
            } else if (o.text == "basename") out.values.push_back(text(p.text.substr(p.text.rfind('/') + 1)));
            else throw std::logic_error("no transformer: " + o.text);
        }
        return out;
    }

    static Found getopt(const Operand& o, const std::vector<Found>& arguments) {
        std::vector<std::string> words;
        for (const Plain& p : arguments[0].values) words.push_back(p.text);
        if (!arguments[0].is_list) words = split(words.at(0));
        Found out{true, !o.argument, MatchMode::scalar, FieldType::text, {}};
        for (const auto& [letter, argument] : options_in(words, arguments[1].values[0].text)) {
            if (!o.argument) {
                out.values.push_back(text(std::string(1, letter)));
                if (argument) out.values.push_back(text(*argument));
            } else if (o.argument->at(0) == letter) {
                out.values = {text(argument ? *argument : std::string(1, letter))};
            }
        }
        if (o.argument && out.values.empty()) return {};
        return out;
    }

    bool compare(const Node& n) {
        const Found left = operand(n.left);
        if (!left.exists) return false;
        if (n.op == Operator::exists) return true;
        const bool by_field = n.right.kind == Operand::Kind::field || n.right.kind == Operand::Kind::transformer;
        Found right;
        std::vector<std::string> words;
        if (by_field) {
            right = operand(n.right);
            if (!right.exists) return false;
        } else if (n.right.kind == Operand::Kind::list) {
            for (const Operand& item : n.right.items) words.push_back(item.text);
        } else {
            words.push_back(n.right.text);
        }
        const auto against = [&](const Plain& value, const std::string* word) {
            if (word) return one(n.op, left, value, *word);
            for (const Plain& r : right.values)
                if (by_value(n.op, left, value, r)) return true;
            return false;
        };
        if (n.op == Operator::in || n.op == Operator::intersects || n.op == Operator::pmatch) {
            const auto any_word = [&](const Plain& value) {
                if (by_field) return against(value, nullptr);
                for (const std::string& w : words)
                    if (against(value, &w)) return true;
                return false;
            };
            return over(n.op == Operator::in && left.is_list, left.values, any_word);
        }
        const bool all_sides = left.mode == MatchMode::either_side && n.op == Operator::ne;
        if (by_field) return over_sides(all_sides, left.values, [&](const Plain& v) { return against(v, nullptr); });
        size_t held = 0;
        for (const std::string& w : words)
            held += over_sides(all_sides, left.values, [&](const Plain& v) { return against(v, &w); });
        if (n.modifier == Modifier::oneof) return held == 1;
        if (n.modifier == Modifier::allof) return held > 0 && held == words.size();
        return held > 0;
    }

    template <class Test>
    static bool over(bool all, const std::vector<Plain>& values, Test test) {
        for (const Plain& v : values)
            if (test(v) != all) return !all;
        return all;
    }
    // Of no value, nothing holds.
    template <class Test>
    static bool over_sides(bool all, const std::vector<Plain>& values, Test test) {
        return !values.empty() && over(all, values, test);
    }

    bool one(Operator op, const Found& left, const Plain& v, const std::string& word) {
        if (left.mode == MatchMode::host_name && v.kind == Plain::Kind::address) {
            IpAddress a;
            a.v6 = v.text.size() == 16;
            std::memcpy(a.bytes.data(), v.text.data(), v.text.size());
            if (op == Operator::ne) return !event_.name_has_address(word, a);
            const bool equality =
                op == Operator::eq || op == Operator::eq2 || op == Operator::in || op == Operator::intersects;
            return equality && event_.name_has_address(word, a);
        }
        if (op == Operator::pmatch) return below(v.text, word);
        if (op == Operator::regex) return matches_regex(v.text, word);
        if (op == Operator::bcontains || op == Operator::bstartswith)
            return by_value(op, left, v, text(from_hex(word)));
        if (left.type == FieldType::net) return in_network(v, word) != (op == Operator::ne);
        return by_value(op, left, v, literal(left.type, word));
    }

    bool by_value(Operator op, const Found&, const Plain& a, const Plain& b) {
        const bool texts = a.kind == Plain::Kind::text && b.kind == Plain::Kind::text;
        const bool same = a.kind == b.kind && a.integer == b.integer && !(a.real < b.real || a.real > b.real) && a.text == b.text;
        if (a.kind == Plain::Kind::real && b.kind == Plain::Kind::real && op >= Operator::lt && op <= Operator::ge)
            return op == Operator::lt   ? a.real < b.real
                   : op == Operator::le ? a.real <= b.real
                   : op == Operator::gt ? a.real > b.real
                                        : a.real >= b.real;
        const bool numbers = a.kind == Plain::Kind::integer && b.kind == Plain::Kind::integer;
        switch (op) {
            case Operator::eq: case Operator::eq2: case Operator::in: case Operator::intersects: return same;
            case Operator::ne: return !same;
            case Operator::lt: return numbers ? a.integer < b.integer : texts && a.text.compare(b.text) < 0;
            case Operator::le: return numbers ? a.integer <= b.integer : texts && a.text.compare(b.text) <= 0;
            case Operator::gt: return numbers ? a.integer > b.integer : texts && a.text.compare(b.text) > 0;
            case Operator::ge: return numbers ? a.integer >= b.integer : texts && a.text.compare(b.text) >= 0;
            case Operator::contains: case Operator::bcontains: return texts && a.text.find(b.text) != a.text.npos;
            case Operator::icontains: return texts && lower(a.text).find(lower(b.text)) != a.text.npos;
            case Operator::startswith:
            case Operator::bstartswith: return texts && a.text.substr(0, b.text.size()) == b.text;
            case Operator::endswith:
                return texts && a.text.size() >= b.text.size() &&
                       a.text.substr(a.text.size() - b.text.size()) == b.text;
            case Operator::glob: return texts && fnmatch(b.text.c_str(), a.text.c_str(), 0) == 0;
            case Operator::iglob: return texts && fnmatch(b.text.c_str(), a.text.c_str(), FNM_CASEFOLD) == 0;
            default: throw std::logic_error("no operator");
        }
    }

    const MacroLookup& macros_;
    const Catalogue& catalogue_;
    EventView& event_;
    Arena arena_;
};

}  // namespace

bool slow_verdict(const Node& node, const MacroLookup& macros, const Catalogue& catalogue, EventView& event) {
    return Walker(macros, catalogue, event).verdict(node);
}

}  // namespace undercoat::oracle
