// Names of operators, modifiers and transformers, see ast.h.
#include "rules/lang/ast.h"

#include <algorithm>
#include <array>

namespace undercoat::rules {
namespace {

constexpr std::array<std::string_view, 20> operator_names = {
    "exists", "=",        "==",       "!=",        "<",          "<=",          ">",        ">=", "glob", "iglob",
    "regex",  "contains", "icontains", "bcontains", "startswith", "bstartswith", "endswith", "in", "intersects",
    "pmatch"};
constexpr std::array<std::string_view, 4> modifier_names = {"", "oneof", "anyof", "allof"};
constexpr std::array<std::string_view, 8> transformer_names = {"tolower", "toupper", "b64",    "basename",
                                                               "len",     "join",    "concat", "getopt"};

}  // namespace

std::string_view to_string(Operator op) {
    return operator_names[static_cast<size_t>(op)];
}

std::string_view to_string(Modifier m) {
    return modifier_names[static_cast<size_t>(m)];
}

std::optional<Operator> operator_named(std::string_view text) {
    auto it = std::find(operator_names.begin(), operator_names.end(), text);
    if (it == operator_names.end()) return std::nullopt;
    return static_cast<Operator>(it - operator_names.begin());
}

std::optional<Modifier> modifier_named(std::string_view text) {
    auto it = std::find(modifier_names.begin() + 1, modifier_names.end(), text);
    if (it == modifier_names.end()) return std::nullopt;
    return static_cast<Modifier>(it - modifier_names.begin());
}

bool is_transformer_name(std::string_view name) {
    return std::find(transformer_names.begin(), transformer_names.end(), name) != transformer_names.end();
}

}  // namespace undercoat::rules
