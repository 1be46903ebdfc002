// Quoting of values in conditions, see escape.h.
#include "rules/lang/escape.h"

#include <algorithm>
#include <optional>

namespace undercoat::rules {
namespace {

std::optional<int> hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return std::nullopt;
}

std::optional<char> simple_escape(char c, char quote) {
    switch (c) {
        case 'b': return '\b';
        case 'f': return '\f';
        case 'n': return '\n';
        case 'r': return '\r';
        case 't': return '\t';
        case '/': return '/';
        case ' ':  // written by mistake in existing rules, so it is accepted
        case '\\': return '\\';
        default: break;
    }
    if (c == quote) return quote;
    return std::nullopt;
}

}  // namespace

std::string escape(std::string_view value) {
    bool bare = !value.empty() &&
                std::all_of(value.begin(), value.end(), [](char c) { return is_bare(c) && c != '\f' && c != '\\'; });
    return bare ? std::string(value) : quote(value);
}

std::string quote(std::string_view value) {
    std::string out = "\"";
    for (char c : value) {
        switch (c) {
            case '\b': out += "\\b"; break;
            case '\f': out += "\\f"; break;
            case '\n': out += "\\n"; break;
            case '\r': out += "\\r"; break;
            case '\t': out += "\\t"; break;
            case '\\': out += "\\\\"; break;
            case '"': out += "\\\""; break;
            default: out += c;
        }
    }
    out += '"';
    return out;
}

Result<std::string> unescape(std::string_view quoted) {
    char quote = quoted.front();
    std::string_view in = quoted.substr(1, quoted.size() - 2);
    std::string out;
    out.reserve(in.size());
    for (size_t i = 0; i < in.size(); ++i) {
        if (in[i] != '\\') {
            out += in[i];
            continue;
        }
        if (++i == in.size()) return Error{"a backslash has nothing behind it"};
        if (in[i] == 'x') {
            auto high = i + 1 < in.size() ? hex_digit(in[i + 1]) : std::nullopt;
            auto low = i + 2 < in.size() ? hex_digit(in[i + 2]) : std::nullopt;
            if (!high || !low) return Error{"the escape \\x needs two hex digits behind it"};
            out += static_cast<char>(*high * 16 + *low);
            i += 2;
        } else if (auto c = simple_escape(in[i], quote)) {
            out += *c;
        } else {
            return Error{std::string("unknown escape \\") + in[i] + " in a quoted text"};
        }
    }
    return out;
}

}  // namespace undercoat::rules
