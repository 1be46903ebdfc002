// Recursive descent over the grammar of conditions, see parser.h. Each function of the class parses the rule of its
// name.
#include "rules/lang/parser.h"

#include "rules/lang/scanner.h"

#include <algorithm>
#include <array>

namespace undercoat::rules {
namespace {

class Parser {
public:
    Parser(std::string_view text, unsigned max_depth) : in_(text), max_depth_(max_depth) {}

    ParseResult condition();
    std::variant<Operand, ParseError> operand(size_t* used);

private:
    using NodePtr = std::unique_ptr<Node>;

    NodePtr disjunction();
    NodePtr conjunction();
    NodePtr chain(Node::Kind kind, std::string_view word, NodePtr (Parser::*part)());
    NodePtr negation();
    NodePtr check();
    NodePtr comparison(Operand left, size_t start);
    bool comparison_right(Node& node);
    bool numeric_right(Node& node);
    bool string_right(Node& node, bool blank_before);
    bool list_right(Node& node);
    bool left_side(Operand& out, bool& matched);
    bool right_expression(Operand& out, bool& matched);
    bool transformer(Operand& out, bool& matched);
    bool transformer_arguments(Operand& out, bool nested_list_allowed);
    bool transformer_argument(Operand& out, bool nested_list_allowed);
    bool field(Operand& out, bool& matched);
    bool bracket_argument(Operand& out);
    bool value(Operand& out);
    bool quoted_text(std::string& out, bool& matched);
    bool value_list(Operand& out);
    Modifier modifier();

    bool fail(std::string message, Wanted wanted = Wanted::other) {
        return fail_at(in_.offset(), std::move(message), wanted);
    }
    bool fail_at(size_t offset, std::string message, Wanted wanted = Wanted::other) {
        if (!failed_) error_ = {std::move(message), offset, wanted};
        failed_ = true;
        return false;
    }
    uint32_t here() const { return static_cast<uint32_t>(in_.offset()); }

    // Counts one level of nesting for as long as it lives.
    class Nesting {
    public:
        explicit Nesting(Parser& p) : p_(p) { ++p_.depth_; }
        ~Nesting() { --p_.depth_; }
        Nesting(const Nesting&) = delete;
        bool ok() const {
            if (p_.depth_ <= p_.max_depth_) return true;
            return p_.fail("the condition is nested deeper than " + std::to_string(p_.max_depth_) + " levels");
        }

    private:
        Parser& p_;
    };

    Scanner in_;
    unsigned max_depth_;
    unsigned depth_ = 0;
    bool failed_ = false;
    ParseError error_;
};

ParseResult Parser::condition() {
    NodePtr root = disjunction();
    if (root) {
        in_.blanks();
        if (!in_.at_end()) {
            fail("unexpected token after '" + std::string(in_.last()) + "', expecting 'or', 'and'", Wanted::connective);
            root = nullptr;
        }
    }
    if (!root) return error_;
    return root;
}

std::variant<Operand, ParseError> Parser::operand(size_t* used) {
    Operand out;
    bool matched = false;
    if (!used) in_.blanks();
    bool ok = left_side(out, matched);
    if (ok && !matched) ok = fail("expected a field or a transformer");
    if (ok && used) *used = in_.offset();
    if (ok && !used) {
        in_.blanks();
        if (!in_.at_end()) ok = fail("unexpected text behind the field");
    }
    if (!ok) return error_;
    return out;
}

Parser::NodePtr Parser::disjunction() {
    return chain(Node::Kind::any, "or", &Parser::conjunction);
}

Parser::NodePtr Parser::conjunction() {
    return chain(Node::Kind::all, "and", &Parser::negation);
}

Parser::NodePtr Parser::chain(Node::Kind kind, std::string_view word, NodePtr (Parser::*part)()) {
    in_.blanks();
    uint32_t start = here();
    NodePtr first = (this->*part)();
    if (!first) return nullptr;
    std::vector<NodePtr> children;
    children.push_back(std::move(first));
    for (in_.blanks(); in_.connective(word); in_.blanks()) {
        in_.blanks();
        NodePtr next = (this->*part)();
        if (!next) return nullptr;
        children.push_back(std::move(next));
    }
    if (children.size() == 1) return std::move(children.front());
    auto node = std::make_unique<Node>();
    node->kind = kind;
    node->children = std::move(children);
    node->offset = start;
    return node;
}

Parser::NodePtr Parser::negation() {
    uint32_t start = here();
    bool negated = false;
    while (in_.connective("not")) {
        in_.blanks();
        negated = !negated;
    }
    NodePtr inner = check();
    if (!inner || !negated) return inner;
    if (inner->kind == Node::Kind::negation) return std::move(inner->children.front());
    auto node = std::make_unique<Node>();
    node->kind = Node::Kind::negation;
    node->children.push_back(std::move(inner));
    node->offset = start;
    return node;
}

Parser::NodePtr Parser::check() {
    uint32_t start = here();
    if (in_.punctuation('(')) {
        Nesting nesting(*this);
        if (!nesting.ok()) return nullptr;
        NodePtr inner = disjunction();
        if (!inner) return nullptr;
        in_.blanks();
        if (in_.punctuation(')')) return inner;
        fail("expected a ')' token", Wanted::parenthesis);
        return nullptr;
    }
    Operand left;
    bool matched = false;
    if (!left_side(left, matched)) return nullptr;
    if (matched) return comparison(std::move(left), start);
    if (auto name = in_.identifier()) {
        auto node = std::make_unique<Node>();
        node->kind = Node::Kind::macro;
        node->name = *name;
        node->offset = start;
        return node;
    }
    fail("expected a '(' token, a field check, or a macro name", Wanted::check);
    return nullptr;
}

Parser::NodePtr Parser::comparison(Operand left, size_t start) {
    auto node = std::make_unique<Node>();
    node->left = std::move(left);
    node->offset = static_cast<uint32_t>(start);
    in_.blanks();
    if (!comparison_right(*node)) return nullptr;
    return node;
}

bool Parser::comparison_right(Node& node) {
    constexpr std::array word_operators = {Operator::glob,      Operator::iglob,      Operator::regex,
                                           Operator::contains,  Operator::icontains,  Operator::bcontains,
                                           Operator::startswith, Operator::bstartswith, Operator::endswith};
    constexpr std::array list_operators = {Operator::intersects, Operator::in, Operator::pmatch};
    // Longest first, so that "<=" is not read as "<".
    constexpr std::array numeric_operators = {Operator::le, Operator::ge, Operator::lt, Operator::gt};
    constexpr std::array equal_operators = {Operator::eq2, Operator::ne, Operator::eq};
    if (in_.literally("exists")) return true;
    auto any_of = [&](const auto& operators, auto&& matches) {
        return std::any_of(operators.begin(), operators.end(), [&](Operator op) {
            if (!matches(to_string(op))) return false;
            node.op = op;
            return true;
        });
    };
    auto literally = [&](std::string_view w) { return in_.literally(w); };
    if (any_of(numeric_operators, literally)) return numeric_right(node);
    if (any_of(equal_operators, literally)) return string_right(node, in_.blanks());
    if (any_of(word_operators, [&](std::string_view w) { return in_.word_and_blank(w); }))
        return string_right(node, in_.blanks());
    if (any_of(list_operators, literally)) return list_right(node);
    return fail("expected an operator: one of =, !=, <, <=, >, >=, exists, in, contains, startswith and so on",
                Wanted::comparison);
}

bool Parser::numeric_right(Node& node) {
    in_.blanks();
    node.right.offset = here();
    bool matched = false;
    if (!right_expression(node.right, matched)) return false;
    if (matched) return true;
    auto number = in_.number();
    if (!number) return fail("expected a number, val(field) or a transformer", Wanted::value);
    node.right.kind = Operand::Kind::number;
    node.right.text = *number;
    return true;
}

bool Parser::string_right(Node& node, bool blank_before) {
    node.right.offset = here();
    if (blank_before) node.modifier = modifier();
    if (node.modifier != Modifier::none) {
        node.right.offset = here();
        return list_right(node);
    }
    bool matched = false;
    if (!right_expression(node.right, matched)) return false;
    return matched || value(node.right);
}

// A modifier is one only where a list or a list's name follows; otherwise the word is the compared value.
Modifier Parser::modifier() {
    size_t start = in_.offset();
    for (Modifier m : {Modifier::oneof, Modifier::anyof, Modifier::allof}) {
        if (!in_.word_and_blank(to_string(m))) continue;
        in_.blanks();
        size_t after = in_.offset();
        bool list = in_.punctuation('(');
        auto name = list ? std::nullopt : in_.identifier();
        in_.rewind(after);
        if (list || (name && *name != "and" && *name != "or" && *name != "not")) return m;
        in_.rewind(start);
    }
    return Modifier::none;
}

bool Parser::list_right(Node& node) {
    in_.blanks();
    node.right.offset = here();
    bool matched = false;
    if (node.modifier == Modifier::none && !right_expression(node.right, matched)) return false;
    if (matched) return true;
    node.right.kind = Operand::Kind::list;
    if (in_.punctuation('(')) return value_list(node.right);
    auto name = in_.identifier();
    if (!name) return fail("expected a list in parentheses, the name of a list, val(field) or a transformer", Wanted::value);
    Operand item;
    item.text = *name;
    item.offset = node.right.offset;
    node.right.items.push_back(std::move(item));
    return true;
}

bool Parser::value_list(Operand& out) {
    in_.blanks();
    if (in_.punctuation(')')) return true;
    do {
        in_.blanks();
        out.items.emplace_back();
        if (!value(out.items.back())) return false;
        in_.blanks();
    } while (in_.punctuation(','));
    return in_.punctuation(')') || fail("expected ',' or ')' in a list of values", Wanted::parenthesis);
}

bool Parser::value(Operand& out) {
    out.kind = Operand::Kind::text;
    out.offset = here();
    bool matched = false;
    if (!quoted_text(out.text, matched)) return false;
    if (matched) return true;
    auto bare = in_.bare();
    if (!bare) return fail("expected a value: a quoted string or a bare string", Wanted::value);
    out.text = *bare;
    return true;
}

bool Parser::quoted_text(std::string& out, bool& matched) {
    size_t start = in_.offset();
    bool unterminated = false;
    auto quoted = in_.quoted(unterminated);
    if (unterminated) return fail("the closing quote of this string is missing", Wanted::quote);
    matched = quoted.has_value();
    if (!matched) return true;
    auto text = unescape(*quoted);
    if (!text) return fail_at(start, text.error());
    out = std::move(*text);
    return true;
}

bool Parser::left_side(Operand& out, bool& matched) {
    return transformer(out, matched) && (matched || field(out, matched));
}

bool Parser::right_expression(Operand& out, bool& matched) {
    uint32_t start = here();
    if (!in_.literally("val(")) return transformer(out, matched);
    in_.blanks();
    bool is_field = false;
    if (!field(out, is_field)) return false;
    if (!is_field) return fail("expected a field inside val()");
    out.offset = start;
    in_.blanks();
    matched = true;
    return in_.punctuation(')') || fail("expected a ')' token");
}

bool Parser::field(Operand& out, bool& matched) {
    uint32_t start = here();
    auto name = in_.field_name();
    matched = name.has_value();
    if (!matched) return true;
    out.kind = Operand::Kind::field;
    out.text = *name;
    out.offset = start;
    return bracket_argument(out);
}

bool Parser::bracket_argument(Operand& out) {
    if (!in_.punctuation('[')) return true;
    std::string text;
    bool quoted = false;
    if (!quoted_text(text, quoted)) return false;
    if (!quoted) {
        auto bare = in_.bare_argument();
        if (!bare) return fail("expected a valid field argument: a quoted string or a bare string");
        text = *bare;
    }
    out.argument = std::move(text);
    return in_.punctuation(']') || fail("expected a ']' token");
}

bool Parser::transformer(Operand& out, bool& matched) {
    matched = false;
    uint32_t start = here();
    auto name = in_.identifier();
    if (!name || !is_transformer_name(*name) || !in_.punctuation('(')) {
        in_.rewind(start);
        return true;
    }
    matched = true;
    Nesting nesting(*this);
    if (!nesting.ok()) return false;
    out.kind = Operand::Kind::transformer;
    out.text = *name;
    out.offset = start;
    return transformer_arguments(out, true) && bracket_argument(out);
}

// Up to and with the closing parenthesis; the opening one has been read.
bool Parser::transformer_arguments(Operand& out, bool nested_list_allowed) {
    in_.blanks();
    if (in_.punctuation(')')) return true;
    do {
        in_.blanks();
        out.items.emplace_back();
        if (!transformer_argument(out.items.back(), nested_list_allowed)) return false;
        in_.blanks();
    } while (in_.punctuation(','));
    return in_.punctuation(')') || fail("expected ',' or ')' behind a transformer's argument", Wanted::parenthesis);
}

bool Parser::transformer_argument(Operand& out, bool nested_list_allowed) {
    out.offset = here();
    if (nested_list_allowed && in_.punctuation('(')) {
        out.kind = Operand::Kind::list;
        return transformer_arguments(out, false);
    }
    bool matched = false;
    if (!left_side(out, matched)) return false;
    if (matched) return true;
    if (!quoted_text(out.text, matched)) return false;
    if (matched) return true;
    auto number = in_.number();
    if (!number) return fail("expected a field, a transformer, a quoted string or a number");
    out.kind = Operand::Kind::number;
    out.text = *number;
    return true;
}

}  // namespace

ParseResult parse_condition(std::string_view text, const ParseOptions& options) {
    if (text.size() > UINT32_MAX / 2) return ParseError{"the condition is too long", 0};
    return Parser(text, options.max_depth).condition();
}

std::variant<Operand, ParseError> parse_operand(std::string_view text) {
    return Parser(text, 100).operand(nullptr);
}

std::variant<Operand, ParseError> parse_operand_prefix(std::string_view text, size_t& used) {
    return Parser(text, 100).operand(&used);
}

LineColumn line_column(std::string_view text, size_t offset) {
    offset = std::min(offset, text.size());
    std::string_view before = text.substr(0, offset);
    LineColumn at;
    at.line = 1 + static_cast<size_t>(std::count(before.begin(), before.end(), '\n'));
    size_t newline = before.rfind('\n');
    at.column = 1 + (newline == before.npos ? offset : offset - newline - 1);
    return at;
}

}  // namespace undercoat::rules
