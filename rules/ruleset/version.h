// Versions of the engine and of plugins, as rules files require them.
#pragma once

#include <optional>
#include <string_view>

namespace undercoat::rules {

struct Version {
    unsigned major = 0, minor = 0, patch = 0;

    // "x.y.z", with anything behind a "-" or "+" ignored.
    static std::optional<Version> parse(std::string_view text);
    // Whether something of this version serves where `required` is asked for: same major, not older.
    bool satisfies(const Version& required) const;
};

}  // namespace undercoat::rules
