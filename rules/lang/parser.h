// Turns the text of a condition into its tree.
//
// The grammar is Falco's, as of engine 0.63: or > and > not > check, macros as bare identifiers, literals on the
// right side unless written val(field) or as a transformer.
// Must stay true: the parser recurses at most max_depth levels, whatever the text.
#pragma once

#include "rules/lang/ast.h"

#include <string>
#include <string_view>
#include <variant>

namespace undercoat::rules {

// What the parser looked for where it stopped.
enum class Wanted : uint8_t { other, connective, check, comparison, value, parenthesis, quote };

struct ParseError {
    std::string message;  // what was expected
    size_t offset = 0;    // bytes from the start of the text
    Wanted wanted = Wanted::other;
};

struct ParseOptions {
    unsigned max_depth = 100;  // of parentheses and transformers
};

using ParseResult = std::variant<std::unique_ptr<Node>, ParseError>;

ParseResult parse_condition(std::string_view text, const ParseOptions& options = {});

// A field or transformer call alone, as the exceptions of rules and output templates name them. The whole text must be
// used, blanks around it allowed.
std::variant<Operand, ParseError> parse_operand(std::string_view text);

// A field or transformer call at the start of text; used says how much of it was. For output templates.
std::variant<Operand, ParseError> parse_operand_prefix(std::string_view text, size_t& used);

// Line and column of an offset, both counted from 1; columns count bytes.
struct LineColumn {
    size_t line = 1;
    size_t column = 1;
};
LineColumn line_column(std::string_view text, size_t offset);

}  // namespace undercoat::rules
