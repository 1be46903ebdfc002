// See record.h.
#include "collector/record.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <ctime>

namespace undercoat::collector {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr std::string_view kNames[] = {"Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug"};

template <class Number>
bool parse_number(std::string_view text, Number& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

}  // namespace

bool parse_alert_id(std::string_view text, AlertId& out) {
    const size_t dash = text.find('-');
    return dash != text.npos && parse_number(text.substr(0, dash), out.file) && parse_number(text.substr(dash + 1), out.row);
}

std::string_view priority_name(unsigned severity) { return kNames[std::min(severity, 7U)]; }

bool parse_priority(std::string_view name, unsigned& severity) {
    const auto same = [](std::string_view a, std::string_view b) {
        return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return (x | 0x20) == (y | 0x20); });
    };
    for (unsigned i = 0; i < 8; ++i)
        if (same(name, kNames[i]) || (i == 6 && same(name, "info"))) {
            severity = i;
            return true;
        }
    return false;
}

int64_t now_ns() {
    timespec t{};
    ::clock_gettime(CLOCK_REALTIME, &t);
    return int64_t{t.tv_sec} * kSecond + t.tv_nsec;
}

std::string iso_time(int64_t ns) {
    const time_t seconds = ns >= 0 ? ns / kSecond : 0;
    tm parts{};
    ::gmtime_r(&seconds, &parts);
    char text[64];
    std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%09dZ", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                  parts.tm_hour, parts.tm_min, parts.tm_sec, static_cast<int>(ns >= 0 ? ns % kSecond : 0));
    return text;
}

bool parse_time(std::string_view text, int64_t& ns) {
    if (int64_t seconds = 0; parse_number(text, seconds)) {
        if (seconds < 0 || seconds > 9'000'000'000) return false;
        ns = seconds * kSecond;
        return true;
    }
    if (text.size() < 20 || text.size() > 35) return false;
    tm parts{};
    int used = 0;
    const std::string copy(text);
    if (std::sscanf(copy.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &parts.tm_year, &parts.tm_mon, &parts.tm_mday, &parts.tm_hour,
                    &parts.tm_min, &parts.tm_sec, &used) != 6 ||
        used != 19 || parts.tm_year < 1970 || parts.tm_year > 2200 || parts.tm_mon < 1 || parts.tm_mon > 12 || parts.tm_mday < 1 ||
        parts.tm_mday > 31 || parts.tm_hour > 24 || parts.tm_min > 60 || parts.tm_sec > 60)
        return false;
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    int64_t fraction = 0;
    size_t at = 19;
    if (text[at] == '.') {
        int64_t unit = kSecond / 10;
        for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10) fraction += (text[at] - '0') * unit;
    }
    const std::string_view zone = text.substr(at);
    if (zone != "Z" && zone != "+00:00" && zone != "+0000" && zone != "z") return false;
    ns = int64_t{::timegm(&parts)} * kSecond + fraction;
    return true;
}

}  // namespace undercoat::collector
