// Prints a tree in its canonical form, see printer.h.
#include "rules/lang/printer.h"

#include "rules/lang/escape.h"

namespace undercoat::rules {
namespace {

bool needs_quotes_in_brackets(std::string_view s) {
    for (char c : s)
        if (is_blank(c) || c == '[' || c == ']' || c == '"' || c == '\'') return true;
    return s.empty();
}

void append_argument(std::string& out, const Operand& operand) {
    if (!operand.argument) return;
    out += '[';
    out += needs_quotes_in_brackets(*operand.argument) ? quote(*operand.argument) : *operand.argument;
    out += ']';
}

void append_items(std::string& out, const Operand& operand, std::string_view separator) {
    for (size_t i = 0; i < operand.items.size(); ++i) {
        if (i > 0) out += separator;
        out += print(operand.items[i]);
    }
}

void append(std::string& out, const Node& node, const MacroExpansion& expand);

void append_chain(std::string& out, const Node& node, std::string_view word, const MacroExpansion& expand) {
    out += "(";
    for (size_t i = 0; i < node.children.size(); ++i) {
        if (i > 0) out += word;
        append(out, *node.children[i], expand);
    }
    out += ")";
}

void append_comparison(std::string& out, const Node& node) {
    out += print(node.left);
    out += " ";
    out += to_string(node.op);
    if (node.op == Operator::exists) return;
    out += " ";
    if (node.modifier != Modifier::none) {
        out += to_string(node.modifier);
        out += " ";
    }
    if (node.right.kind == Operand::Kind::list) {
        out += "(";
        append_items(out, node.right, ", ");
        out += ")";
    } else {
        out += print(node.right, true);
    }
}

void append(std::string& out, const Node& node, const MacroExpansion& expand) {
    switch (node.kind) {
        case Node::Kind::all: append_chain(out, node, " and ", expand); break;
        case Node::Kind::any: append_chain(out, node, " or ", expand); break;
        case Node::Kind::negation:
            out += "not ";
            append(out, *node.children.front(), expand);
            break;
        case Node::Kind::macro: {
            const Node* definition = expand ? expand(node.name) : nullptr;
            if (definition)
                append(out, *definition, expand);
            else
                out += node.name;
            break;
        }
        case Node::Kind::comparison: append_comparison(out, node); break;
    }
}

}  // namespace

std::string print(const Operand& operand, bool right) {
    std::string out;
    switch (operand.kind) {
        case Operand::Kind::field:
            if (right) out += "val(";
            out += operand.text;
            append_argument(out, operand);
            if (right) out += ')';
            break;
        case Operand::Kind::transformer:
            out += operand.text;
            out += '(';
            append_items(out, operand, ",");
            out += ')';
            append_argument(out, operand);
            break;
        case Operand::Kind::text: out = escape(operand.text); break;
        case Operand::Kind::number: out = operand.text; break;
        case Operand::Kind::list:
            out += '(';
            append_items(out, operand, ",");
            out += ')';
            break;
    }
    return out;
}

std::string print(const Node& node, const MacroExpansion& expand) {
    std::string out;
    append(out, node, expand);
    return out;
}

}  // namespace undercoat::rules
