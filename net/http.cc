// See http.h.
#include "net/http.h"

#include <algorithm>

namespace undercoat::net {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string_view trimmed(std::string_view s) {
    while (s.starts_with(' ')) s.remove_prefix(1);
    while (s.ends_with(' ')) s.remove_suffix(1);
    return s;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view Request::header(std::string_view name) const {
    for (const auto& [key, value] : headers)
        if (equal_ignoring_case(key, name)) return value;
    return {};
}

std::string_view Request::cookie(std::string_view name) const {
    for (const auto& [key, value] : headers) {
        if (!equal_ignoring_case(key, "cookie")) continue;
        for (std::string_view rest = value; !rest.empty();) {
            const size_t end = std::min(rest.find(';'), rest.size());
            const std::string_view one = trimmed(rest.substr(0, end));
            rest.remove_prefix(std::min(end + 1, rest.size()));
            if (one.size() > name.size() && one.starts_with(name) && one[name.size()] == '=')
                return one.substr(name.size() + 1);
        }
    }
    return {};
}

Response Response::of(unsigned status, std::string type, std::string body) {
    Response r;
    r.status = status;
    r.headers.emplace_back("Content-Type", std::move(type));
    r.body = std::move(body);
    return r;
}

std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_blank) {
    std::string out;
    out.reserve(text.size());
    for (size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '+' && plus_is_blank) {
            c = ' ';
        } else if (c == '%') {
            if (i + 2 >= text.size()) return std::nullopt;
            const int high = hex(text[i + 1]), low = hex(text[i + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            c = static_cast<char>(high * 16 + low);
            i += 2;
        }
        if (c == '\0') return std::nullopt;
        out += c;
    }
    return out;
}

bool parse_target(std::string_view target, Request& request) {
    if (target.empty() || target.size() > 8192 || target[0] != '/') return false;
    const size_t mark = target.find('?');
    auto path = percent_decoded(target.substr(0, mark), false);
    if (!path) return false;
    request.path = std::move(*path);
    request.query = mark == target.npos ? "" : std::string(target.substr(mark + 1));
    return true;
}

std::vector<std::pair<std::string, std::string>> parse_pairs(std::string_view query) {
    std::vector<std::pair<std::string, std::string>> out;
    while (!query.empty() && out.size() < 100) {
        const size_t end = std::min(query.find('&'), query.size());
        const std::string_view one = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        if (one.empty()) continue;
        const size_t equals = one.find('=');
        auto name = percent_decoded(one.substr(0, equals), true);
        auto value = percent_decoded(equals == one.npos ? std::string_view() : one.substr(equals + 1), true);
        if (name && value) out.emplace_back(std::move(*name), std::move(*value));
    }
    return out;
}

}  // namespace undercoat::net
