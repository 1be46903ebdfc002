// Versions, see version.h.
#include "rules/ruleset/version.h"

#include <algorithm>
#include <charconv>
#include <tuple>

namespace undercoat::rules {

std::optional<Version> Version::parse(std::string_view text) {
    text = text.substr(0, std::min(text.find_first_of("-+"), text.size()));
    Version v;
    unsigned* parts[] = {&v.major, &v.minor, &v.patch};
    const char* at = text.data();
    const char* end = at + text.size();
    for (int i = 0; i < 3; ++i) {
        if (i > 0 && (at == end || *at++ != '.')) return std::nullopt;
        auto [next, ec] = std::from_chars(at, end, *parts[i]);
        if (ec != std::errc{}) return std::nullopt;
        at = next;
    }
    if (at != end) return std::nullopt;
    return v;
}

bool Version::satisfies(const Version& required) const {
    return major == required.major && std::tie(minor, patch) >= std::tie(required.minor, required.patch);
}

}  // namespace undercoat::rules
