// The syntax tree of a condition.
//
// Must stay true: the tree says what was written, with lists already substituted and macros not; its depth is at most
// the limit given to the parser, so that recursion over it is safe. Offsets count bytes from the start of the parsed
// text.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace undercoat::rules {

enum class Operator : uint8_t {
    exists,
    eq, eq2, ne,  // eq2 is "==": the same meaning, kept for printing
    lt, le, gt, ge,
    glob, iglob, regex,
    contains, icontains, bcontains,
    startswith, bstartswith, endswith,
    in, intersects, pmatch,
};

enum class Modifier : uint8_t { none, oneof, anyof, allof };

std::string_view to_string(Operator op);
std::string_view to_string(Modifier m);
std::optional<Operator> operator_named(std::string_view text);
std::optional<Modifier> modifier_named(std::string_view text);
inline bool is_list_operator(Operator op) {
    return op == Operator::in || op == Operator::intersects || op == Operator::pmatch;
}
inline bool is_numeric_operator(Operator op) {
    return op >= Operator::lt && op <= Operator::ge;
}
bool is_transformer_name(std::string_view name);

// One side of a comparison, or one argument of a transformer.
struct Operand {
    enum class Kind : uint8_t {
        field,        // text = name, argument; on the right side written val(name[argument])
        transformer,  // text = name, items = arguments, argument = that in brackets behind it
        text,         // text = the unescaped value
        number,       // text = the digits as written
        list,         // items = values (Kind text), or a transformer's parenthesised arguments
    };
    Kind kind = Kind::text;
    std::string text;
    std::optional<std::string> argument;
    std::vector<Operand> items;
    uint32_t offset = 0;
};

struct Node {
    enum class Kind : uint8_t {
        all,        // children joined by "and", at least two
        any,        // children joined by "or", at least two
        negation,   // one child, not a negation itself
        macro,      // name
        comparison  // left op [modifier] right; right is unused for exists
    };
    Kind kind = Kind::comparison;
    std::vector<std::unique_ptr<Node>> children;
    std::string name;
    Operand left;
    Operator op = Operator::exists;
    Modifier modifier = Modifier::none;
    Operand right;
    uint32_t offset = 0;
};

}  // namespace undercoat::rules
