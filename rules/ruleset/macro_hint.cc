// Hints about macros that do not exist, see macro_hint.h.
#include "rules/ruleset/macro_hint.h"

#include <algorithm>

namespace undercoat::rules {
namespace {

std::string quoted(std::string_view s) { return "'" + std::string(s) + "'"; }

bool is_word(std::string_view s) { return s == "and" || s == "or" || s == "not"; }

}  // namespace

std::string macro_hint(std::string_view name, const Definitions& definitions, const Catalogue& catalogue,
                       const MacroDefinition* user, std::string_view written) {
    if (user && user->name == name) return " A macro cannot use itself";
    const auto named = [&](const auto& d) { return d.name == name; };
    if (auto m = std::find_if(definitions.macros.begin(), definitions.macros.end(), named); m != definitions.macros.end())
        return " It is defined later, in line " + std::to_string(m->location.position.line) +
               "; a macro can only use those that are defined before it";
    const auto is_list = [&](const auto& l) { return l.name == written; };
    if (std::any_of(definitions.lists.begin(), definitions.lists.end(), is_list))
        return " " + quoted(written) + " is a list; write FIELD in (" + std::string(written) + ")";
    if (is_word(name)) return " A comparison is missing beside " + quoted(name);
    if (find_event_type(catalogue, name)) return " Did you mean evt.type=" + std::string(name) + "?";
    std::vector<std::string_view> names;
    for (const MacroDefinition& m : definitions.macros)
        if (&m != user) names.push_back(m.name);
    const std::string near = nearest_name(name, names);
    return near.empty() ? "" : " Did you mean " + quoted(near) + "?";
}

}  // namespace undercoat::rules
