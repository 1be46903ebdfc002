// Walks over a condition's tree, see describe_condition.h.
#include "rules/ruleset/describe_condition.h"

#include <algorithm>
#include <map>
#include <set>

namespace undercoat::rules {
namespace {

struct Seen {
    std::set<std::string, std::less<>> expanded, macros, operators;
};

void collect_named(const Node& node, Seen& seen) {
    if (node.kind == Node::Kind::macro) seen.macros.insert(node.name);
    for (const auto& child : node.children) collect_named(*child, seen);
}

void collect(const Node& node, const MacroExpansion& expand, Seen& seen) {
    if (node.kind == Node::Kind::comparison) seen.operators.emplace(to_string(node.op));
    if (node.kind == Node::Kind::macro && seen.expanded.insert(node.name).second) {
        if (const Node* inner = expand(node.name)) collect(*inner, expand, seen);
    }
    for (const auto& child : node.children) collect(*child, expand, seen);
}

size_t count(const Node& node, const MacroExpansion& expand, size_t limit, std::map<std::string, size_t>& macros) {
    size_t total = 1;
    if (node.kind == Node::Kind::comparison) total += node.right.items.size();
    if (node.kind == Node::Kind::macro) {
        const Node* inner = expand(node.name);
        auto [it, is_new] = macros.try_emplace(node.name, 0);
        if (is_new && inner) {
            size_t size = count(*inner, expand, limit, macros);
            macros[node.name] = size;
        }
        total += macros[node.name];
    }
    for (const auto& child : node.children) total = std::min(total + count(*child, expand, limit, macros), limit + 1);
    return std::min(total, limit + 1);
}

}  // namespace

void describe_condition(const Node& tree, const MacroExpansion& expand, Rule& rule) {
    Seen seen;
    collect(tree, expand, seen);
    collect_named(tree, seen);
    rule.macros.assign(seen.macros.begin(), seen.macros.end());
    rule.operators.assign(seen.operators.begin(), seen.operators.end());
}

size_t expanded_size(const Node& tree, const MacroExpansion& expand, size_t limit) {
    std::map<std::string, size_t> macros;
    return count(tree, expand, limit, macros);
}

bool names_macro(const Node& tree, std::string_view name) {
    if (tree.kind == Node::Kind::macro && tree.name == name) return true;
    return std::any_of(tree.children.begin(), tree.children.end(),
                       [&](const auto& child) { return names_macro(*child, name); });
}

}  // namespace undercoat::rules
