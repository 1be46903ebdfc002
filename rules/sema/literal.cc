// Literals by type, see literal.h. Source of the service names: the IANA port number registry.
#include "rules/sema/literal.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace undercoat::rules {
namespace {

struct Service {
    std::string_view name;
    uint16_t port;
};
// getservbyname would need the image's /etc/services and NSS modules, which a container may lack.
constexpr std::array services = {
    Service{"echo", 7},         Service{"discard", 9},     Service{"ftp-data", 20},  Service{"ftp", 21},
    Service{"ssh", 22},         Service{"telnet", 23},     Service{"smtp", 25},      Service{"time", 37},
    Service{"whois", 43},       Service{"tacacs", 49},     Service{"domain", 53},    Service{"bootps", 67},
    Service{"bootpc", 68},      Service{"tftp", 69},       Service{"gopher", 70},    Service{"finger", 79},
    Service{"http", 80},        Service{"www", 80},        Service{"kerberos", 88},  Service{"pop3", 110},
    Service{"sunrpc", 111},     Service{"auth", 113},      Service{"nntp", 119},     Service{"ntp", 123},
    Service{"netbios-ns", 137}, Service{"netbios-ssn", 139}, Service{"imap2", 143},  Service{"imap", 143},
    Service{"snmp", 161},       Service{"snmp-trap", 162}, Service{"bgp", 179},      Service{"irc", 194},
    Service{"ldap", 389},       Service{"https", 443},     Service{"microsoft-ds", 445}, Service{"submissions", 465},
    Service{"exec", 512},       Service{"login", 513},     Service{"shell", 514},    Service{"syslog", 514},
    Service{"printer", 515},    Service{"submission", 587}, Service{"ipp", 631},     Service{"ldaps", 636},
    Service{"rsync", 873},      Service{"ftps", 990},      Service{"imaps", 993},    Service{"pop3s", 995},
    Service{"socks", 1080},     Service{"openvpn", 1194},  Service{"ms-sql-s", 1433}, Service{"nfs", 2049},
    Service{"mysql", 3306},     Service{"postgresql", 5432}, Service{"amqp", 5672},  Service{"redis", 6379},
    Service{"http-alt", 8080}};

std::string bad(FieldType type, std::string_view text) {
    std::string out = "'" + std::string(text) + "' is not a valid value for a field of type " + std::string(to_string(type));
    if (type == FieldType::port) out += ", which is a number or the name of a service, such as 443 or https";
    else if (type >= FieldType::int8 && type <= FieldType::abstime) out += ", which is a whole number such as 10, -1 or 0x1f";
    return out;
}

// Sign and magnitude; false if the text is no whole number of at most 64 bits.
bool parse_number(std::string_view text, bool& negative, uint64_t& magnitude) {
    negative = false;
    if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
        negative = text[0] == '-';
        text.remove_prefix(1);
    }
    int base = 10;
    if (text.starts_with("0x") || text.starts_with("0X")) {
        base = 16;
        text.remove_prefix(2);
    }
    auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), magnitude, base);
    return !text.empty() && ec == std::errc{} && end == text.data() + text.size();
}

unsigned width(FieldType type) {
    switch (type) {
        case FieldType::int8:
        case FieldType::uint8: return 8;
        case FieldType::int16:
        case FieldType::uint16:
        case FieldType::port: return 16;
        case FieldType::int32:
        case FieldType::uint32:
        case FieldType::flags:
        case FieldType::mode: return 32;
        default: return 64;
    }
}

bool is_signed(FieldType type) {
    return type >= FieldType::int8 && type <= FieldType::int64;
}

Result<Value> parse_integer(FieldType type, std::string_view text) {
    bool negative = false;
    uint64_t magnitude = 0;
    if (!parse_number(text, negative, magnitude)) {
        if (type == FieldType::port) {
            auto it = std::find_if(services.begin(), services.end(), [&](const Service& s) { return s.name == text; });
            if (it != services.end()) return Value::u64(it->port);
        }
        return Error{bad(type, text)};
    }
    if (is_signed(type)) {
        uint64_t limit = uint64_t{1} << 63;
        if (magnitude > limit || (magnitude == limit && !negative)) return Error{bad(type, text)};
        return Value::i64(static_cast<int64_t>(negative ? 0 - magnitude : magnitude));
    }
    if (!negative) return Value::u64(magnitude);
    uint64_t mask = width(type) == 64 ? ~uint64_t{0} : (uint64_t{1} << width(type)) - 1;
    return Value::u64((0 - magnitude) & mask);
}

}  // namespace

std::string_view to_string(FieldType type) {
    constexpr std::array<std::string_view, 22> names = {
        "BOOL",   "INT8", "INT16", "INT32",   "INT64",   "UINT8",  "UINT16",  "UINT32", "UINT64",  "PORT",  "FLAGS",
        "MODE",   "RELTIME", "ABSTIME", "DOUBLE", "CHARBUF", "FSPATH", "BYTEBUF", "IPADDR", "IPNET", "DYNAMIC"};
    return names[static_cast<size_t>(type)];
}

bool is_text(FieldType type) {
    return type == FieldType::text || type == FieldType::path;
}

bool is_integer(FieldType type) {
    return type >= FieldType::int8 && type <= FieldType::abstime;
}

bool same_type(FieldType a, FieldType b) {
    return a == b || (is_text(a) && is_text(b));
}

bool operator_allowed(Operator op, FieldType type) {
    switch (op) {
        case Operator::exists:
        case Operator::eq:
        case Operator::eq2:
        case Operator::ne:
        case Operator::in:
        case Operator::intersects: return true;
        case Operator::lt:
        case Operator::le:
        case Operator::gt:
        case Operator::ge: return is_integer(type) || type == FieldType::real || is_text(type);
        case Operator::contains:
        case Operator::startswith:
        case Operator::endswith: return is_text(type) || type == FieldType::bytes;
        case Operator::icontains:
        case Operator::glob:
        case Operator::iglob:
        case Operator::regex:
        case Operator::pmatch: return is_text(type);
        case Operator::bcontains:
        case Operator::bstartswith: return type == FieldType::bytes;
    }
    return false;
}

bool fits(FieldType type, const Value& value) {
    const unsigned bits = width(type);
    if (bits == 64) return true;
    if (value.kind() == Value::Kind::u64) return value.u64() >> bits == 0;
    if (value.kind() != Value::Kind::i64) return true;
    const int64_t half = int64_t{1} << (bits - 1);
    return value.i64() >= -half && value.i64() < half;
}

Result<Value> parse_literal(FieldType type, std::string_view text) {
    switch (type) {
        case FieldType::boolean:
            if (text == "true" || text == "false") return Value::boolean(text == "true");
            return Error{bad(type, text) + ", which is true or false"};
        case FieldType::real: {
            auto whole = parse_integer(FieldType::int64, text);
            if (!whole) return Error{bad(type, text) + ": only whole numbers are accepted"};
            return Value::real(static_cast<double>(whole->i64()));
        }
        case FieldType::text:
        case FieldType::path:
            if (text.find('\0') != text.npos)
                return Error{"the value contains a NUL byte, which no text field can hold"};
            return Value::text(text);
        case FieldType::bytes: return Value::bytes(text);
        case FieldType::ip:
            if (auto ip = IpAddress::parse(text)) return Value::ip(*ip);
            return Error{"'" + std::string(text) + "' is not an IPv4 or IPv6 address" +
                         (IpNetwork::parse(text) ? "; networks are tested with fd.net, fd.snet, fd.cnet, fd.lnet, fd.rnet" : "")};
        case FieldType::net:
            if (auto net = IpNetwork::parse(text)) return Value::net(*net);
            return Error{"'" + std::string(text) + "' is not a network in CIDR notation, such as 10.0.0.0/8 or fd00::/8"};
        default: return parse_integer(type, text);
    }
}

}  // namespace undercoat::rules
