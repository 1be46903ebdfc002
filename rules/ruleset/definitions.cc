// Names of priorities and joined texts, see definitions.h.
#include "rules/ruleset/definitions.h"

#include <algorithm>
#include <array>

namespace undercoat::rules {
namespace {

constexpr std::array<std::string_view, 8> priorities = {"Emergency", "Alert",  "Critical",      "Error",
                                                        "Warning",   "Notice", "Informational", "Debug"};

bool same_ignoring_case(std::string_view a, std::string_view b) {
    auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

std::string_view to_string(Priority p) {
    return priorities[static_cast<size_t>(p)];
}

std::optional<Priority> priority_named(std::string_view name) {
    if (same_ignoring_case(name, "info")) return Priority::informational;
    for (size_t i = 0; i < priorities.size(); ++i)
        if (same_ignoring_case(name, priorities[i])) return static_cast<Priority>(i);
    return std::nullopt;
}

std::string Text::joined() const {
    std::string out;
    for (size_t i = 0; i < parts.size(); ++i) {
        if (i > 0) out += ' ';
        out += parts[i].text;
    }
    return out;
}

}  // namespace undercoat::rules
