// Why a rule matches an event, or does not: its condition's tree with the verdict of each part.
//
// For people, not for the stream of events: every part is evaluated, also what the engine would skip. Must stay true: a
// verdict here is the one of the compiled condition, since each comparison is compiled and run alone; the tree is bounded.
#pragma once

#include "base/result.h"
#include "rules/ruleset/ruleset.h"

#include <string>
#include <vector>

namespace undercoat::rules {

struct Explained {
    struct Operand {
        std::string field;  // as written
        std::string value;  // as outputs show it; texts in quotes
        bool exists = false;
    };
    Node::Kind kind = Node::Kind::comparison;
    std::string text;  // comparison: as printed; macro: its name; otherwise "and", "or", "not"
    bool verdict = false;
    bool reached = false;  // the engine looks at it: nothing before it in its chain has decided already
    std::vector<Operand> operands;    // of a comparison: the fields that it reads
    std::vector<Explained> children;  // of a macro: one, its condition
};

// Precondition: the ruleset was loaded with LoadOptions::keep_trees. Error: the tree with its macros put in is too large.
Result<Explained> explain_rule(const Ruleset& ruleset, const Rule& rule, const Catalogue& catalogue, EventView& event);

// The comparisons that made the verdict what it is, among those reached.
std::vector<const Explained*> decisive(const Explained& tree);

}  // namespace undercoat::rules
