// `undercoat rules intel build FEED…`, see intel.h.
#include "supervisor/cli/intel.h"

#include "supervisor/cli/commands.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <optional>

namespace undercoat::cli {
namespace {

constexpr size_t kLongestLine = 4096;
constexpr size_t kMostNamed = 5;  // lines that are shown of those that were not understood

std::string lower(std::string_view s) {
    std::string t(s);
    std::transform(t.begin(), t.end(), t.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return t;
}

std::string_view trimmed(std::string_view s) {
    constexpr std::string_view kAround = " \t\r\n\"'`";
    const size_t from = s.find_first_not_of(kAround);
    return from == s.npos ? std::string_view() : s.substr(from, s.find_last_not_of(kAround) - from + 1);
}

std::string replaced(std::string s, std::string_view what, std::string_view by) {
    for (size_t at = 0; (at = s.find(what, at)) != s.npos; at += by.size()) s.replace(at, what.size(), by);
    return s;
}

// Reports write indicators so that nobody clicks on them.
std::string refanged(std::string_view word) {
    std::string s(word);
    for (const auto& [from, to] : {std::pair{"[.]", "."}, {"(.)", "."}, {"{.}", "."}, {"[:]", ":"}, {"[://]", "://"}, {"[dot]", "."},
                                   {"hxxp", "http"}, {"hXXp", "http"}})
        s = replaced(std::move(s), from, to);
    return s;
}

bool is_hex(std::string_view s) {
    return std::all_of(s.begin(), s.end(), [](unsigned char c) { return std::isxdigit(c); });
}

std::optional<std::string> address(const std::string& s) {
    unsigned char bytes[16];
    char text[INET6_ADDRSTRLEN];
    for (const int family : {AF_INET, AF_INET6})
        if (::inet_pton(family, s.c_str(), bytes) == 1) return ::inet_ntop(family, bytes, text, sizeof text);
    return std::nullopt;
}

// This machine itself: on a list it would make every local connection an alarm.
bool is_oneself(const std::string& a) { return a.starts_with("127.") || a == "0.0.0.0" || a == "::1" || a == "::"; }

std::string printable(std::string_view s) {
    constexpr size_t kShown = 80;
    std::string t(s.substr(0, kShown));
    for (char& c : t)
        if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = '?';
    return t;
}

std::optional<std::string> network(const std::string& s) {
    const size_t slash = s.find('/');
    if (slash == s.npos) return std::nullopt;
    const auto base = address(s.substr(0, slash));
    unsigned bits = 0;
    const char* const end = s.data() + s.size();
    const auto [at, error] = std::from_chars(s.data() + slash + 1, end, bits);
    const unsigned most = s.find(':') == s.npos ? 32 : 128;
    if (!base || error != std::errc{} || at != end || bits > most || bits < 8) return std::nullopt;
    return *base + "/" + std::to_string(bits);
}

// Letters, digits and hyphens in parts of 63 at most; the last part has a letter. Without a dot it is no host but a word.
bool is_host(std::string_view s) {
    if (s.size() > 253 || s.find('.') == s.npos) return false;
    size_t part = 0;
    bool letter = false;
    for (const unsigned char c : s) {
        if (c == '.') {
            if (part == 0) return false;
            part = 0, letter = false;
        } else {
            if (!(std::isalnum(c) || c == '-' || c == '_') || ++part > 63) return false;
            letter |= std::isalpha(c) != 0;
        }
    }
    return part > 0 && letter;
}

// The host of "scheme://user@host:port/path", and of "host:port".
std::string host_part(const std::string& word) {
    std::string s = word;
    if (const size_t scheme = s.find("://"); scheme != s.npos) {
        s = s.substr(scheme + 3);
        s = s.substr(0, s.find_first_of("/?#"));
        s = s.substr(s.rfind('@') + 1);
    }
    if (s.starts_with('[')) return s.substr(1, s.find(']') - 1);
    if (std::count(s.begin(), s.end(), ':') == 1) s = s.substr(0, s.find(':'));
    return s;
}

void write_list(std::ostream& out, const char* name, const std::set<std::string>& items, bool append) {
    if (items.empty()) return;
    out << "- list: " << name << "\n  items:\n";
    for (const std::string& item : items) out << "    - \"" << item << "\"\n";
    if (append) out << "  override: {items: append}\n";
    out << "\n";
}

}  // namespace

bool Indicators::add_one(std::string_view word) {
    const std::string s = refanged(trimmed(word));
    if (s.starts_with('/') && s.size() > 1) {
        const bool plain = std::all_of(s.begin(), s.end(), [](unsigned char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\'; });
        return plain && (paths.insert(s), true);
    }
    if (s.size() == 64 && is_hex(s)) return hashes.insert(lower(s)), true;
    if (const auto n = network(s)) return networks.insert(*n), true;
    if (const auto a = address(s)) return !is_oneself(*a) && (addresses.insert(*a), true);
    std::string host = lower(host_part(s));
    if (const auto a = address(host)) return !is_oneself(*a) && (addresses.insert(*a), true);
    if (host.starts_with("*.")) host.erase(0, 2);
    while (host.ends_with('.')) host.pop_back();
    return is_host(host) && (hosts.insert(host), true);
}

bool Indicators::add(std::string_view line) {
    line = trimmed(line);
    if (line.empty() || line.starts_with('#') || line.starts_with("//") || line.starts_with(';')) return true;
    if (line.size() > kLongestLine) return false;
    if (const size_t comment = line.find(" #"); comment != line.npos) line = line.substr(0, comment);
    // A line of a hosts file: the address is only where the name is to lead.
    for (const std::string_view sink : {"0.0.0.0 ", "127.0.0.1 ", "0.0.0.0\t", "127.0.0.1\t"})
        if (line.starts_with(sink)) line = line.substr(sink.size());
    while (!line.empty()) {
        const size_t end = line.find_first_of(",; \t");
        if (add_one(line.substr(0, end))) return true;
        line = end == line.npos ? std::string_view() : line.substr(end + 1);
    }
    return false;
}

void Indicators::write(std::ostream& out, bool append) const {
    out << "# Made by `undercoat rules intel build`; load it after the packs.\n\n";
    write_list(out, "uc_intel_addresses", addresses, append);
    write_list(out, "uc_intel_networks", networks, append);
    write_list(out, "uc_intel_hosts", hosts, append);
    write_list(out, "uc_intel_hashes", hashes, append);
    write_list(out, "uc_intel_paths", paths, append);
    // Off without hashes, so that no file is read for nothing.
    if (!hashes.empty()) out << "- rule: Known malicious program executed\n  enabled: true\n  override: {enabled: replace}\n";
}

int build_intel(const std::vector<std::string>& feeds, bool append) {
    Indicators all;
    bool readable = true;
    for (const std::string& feed : feeds) {
        std::ifstream file;
        if (feed != "-") file.open(feed);
        if (feed != "-" && !file) {
            std::fprintf(stderr, "undercoat: %s cannot be read\n", feed.c_str());
            readable = false;
            continue;
        }
        std::istream& in = feed == "-" ? std::cin : file;
        size_t number = 0, strange = 0;
        for (std::string line; std::getline(in, line);) {
            ++number;
            if (all.add(line) || ++strange > kMostNamed) continue;
            std::fprintf(stderr, "undercoat: %s:%zu: no indicator: %s\n", feed.c_str(), number, printable(line).c_str());
        }
        if (strange > 0)
            std::fprintf(stderr, "undercoat: %s: %zu of %zu lines have no indicator\n", feed.c_str(), strange, number);
    }
    if (!readable) return 1;
    if (all.size() == 0) {
        std::fprintf(stderr, "undercoat: the feeds have no indicator; no list is written\n");
        return 1;
    }
    all.write(std::cout, append);
    std::cout.flush();
    return std::cout ? 0 : 1;
}

}  // namespace undercoat::cli
