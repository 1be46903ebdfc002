// Textual substitution of lists in a condition, with the way back to where each byte was written.
//
// Must stay true: a list's name is replaced only where blanks, parentheses, commas or "=" are around it; the result is
// bounded in size.
#pragma once

#include "base/result.h"
#include "rules/ruleset/definitions.h"

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace undercoat::rules {

struct Substituted {
    std::string text;
    std::set<std::string, std::less<>> lists;  // whose names were found
    // Offset in the text before, for an offset in `text`.
    size_t original(size_t offset) const;

    struct Segment {
        size_t start;     // in text
        size_t original;  // of its first byte
        bool literal;     // copied byte for byte; otherwise all of it stands for the one place
    };
    std::vector<Segment> segments;
};

// The lists by name. They outlive it.
class ListIndex {
public:
    explicit ListIndex(const std::vector<ListDefinition>& lists);

private:
    friend class Substitution;
    std::unordered_map<std::string_view, const ListDefinition*> by_name_;
    std::vector<const ListDefinition*> odd_;  // with delimiters in their names
};

Result<Substituted> substitute_lists(std::string_view condition, const ListIndex& lists);

// As a list item or exception value has to be written: bare or already quoted as it is, otherwise in quotes.
std::string quote_item(std::string_view item);

}  // namespace undercoat::rules
