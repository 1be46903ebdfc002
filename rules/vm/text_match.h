// Matching of texts: globs, case-insensitive search, sets of path prefixes.
//
// Must stay true: the cost of a match is bounded by length of pattern times length of text, because both may be chosen
// by an attacker; nothing allocates.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace undercoat::rules {

// The pattern language of POSIX shells as fnmatch(3) without flags reads it in the C locale: * and ? match any byte,
// '/' and a leading dot too; [..] with ranges, classes and ! or ^; a backslash makes the next byte plain.
bool glob_match(std::string_view pattern, std::string_view text, bool ignore_case);

inline char ascii_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
inline char ascii_upper(char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
}

bool contains_ignoring_case(std::string_view text, std::string_view needle);

// A set of paths; a text matches if one of them, or one of its parents, is in the set, component by component.
// Components with ? * [ are globs. Repeated and trailing slashes do not count; the path without components contains
// everything.
class PathPrefixes {
public:
    void add(std::string_view path);
    bool match(std::string_view path) const;

private:
    struct Tree {
        std::map<std::string, size_t, std::less<>> literal;    // to the index of a node
        std::vector<std::pair<std::string, size_t>> globs;
        bool end = false;  // a path of the set ends here
    };
    bool match_from(size_t node, std::string_view path) const;

    std::vector<Tree> nodes_ = std::vector<Tree>(1);
};

}  // namespace undercoat::rules
