// Feeds of indicators (addresses, hosts, file hashes, paths) made into lists for rules. docs/packs.md has the format.
//
// Must stay true: feeds are other people's: no line can change what is read from another, none ends up in the lists but as one
// quoted item, and what is not understood is counted and named, never guessed.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace undercoat::cli {

class Indicators {
public:
    // One line of a feed: an indicator, or several separated by commas, semicolons or blanks, of which the first that is one
    // counts. False where the line has none; empty lines and comments (#, //, ;) are true.
    bool add(std::string_view line);
    // One indicator; false where it is none.
    bool add_one(std::string_view word);
    // The lists as YAML; `append`: beside what the lists hold already, else in its place. Lists without items are left out; with
    // hashes, the rule that looks for them is switched on.
    void write(std::ostream& out, bool append) const;
    size_t size() const { return addresses.size() + networks.size() + hosts.size() + hashes.size() + paths.size(); }

    std::set<std::string> addresses, networks, hosts, hashes, paths;
};

}  // namespace undercoat::cli
