// Checks one comparison: the operator against the types, the literals, and values that look like mistakes. See typed.h.
#include "rules/lang/parser.h"
#include "rules/lang/printer.h"
#include "rules/sema/literal.h"
#include "rules/sema/typed.h"

#include <re2/re2.h>

namespace undercoat::rules {
namespace {

bool decode_hex(std::string_view hex, std::string& out) {
    if (hex.empty() || hex.size() % 2 != 0) return false;
    auto digit = [](char c) {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        if (c >= 'A' && c <= 'F') return c - 'A' + 10;
        return -1;
    };
    for (size_t i = 0; i < hex.size(); i += 2) {
        int high = digit(hex[i]), low = digit(hex[i + 1]);
        if (high < 0 || low < 0) return false;
        out += static_cast<char>(high * 16 + low);
    }
    return true;
}

// Whether the expression could be written with =, startswith, endswith or contains: plain text, but for anchors and a
// ".*", ".+" or ".?" at its ends.
bool is_simple_regex(std::string_view pattern) {
    auto is_gap = [](std::string_view s) { return s == ".*" || s == ".+" || s == ".?"; };
    if (pattern.starts_with('^')) pattern.remove_prefix(1);
    if (pattern.ends_with('$')) pattern.remove_suffix(1);
    if (pattern.size() >= 2 && is_gap(pattern.substr(0, 2))) pattern.remove_prefix(2);
    if (pattern.size() >= 2 && is_gap(pattern.substr(pattern.size() - 2)) &&
        (pattern.size() == 2 || pattern[pattern.size() - 3] != '\\'))
        pattern.remove_suffix(2);
    return pattern.find_first_of("\\^$.|?*+()[]{}") == pattern.npos;
}

class ComparisonCheck {
public:
    ComparisonCheck(const Node& node, const Catalogue& catalogue, std::vector<SemanticWarning>& warnings)
        : node_(node), catalogue_(catalogue), warnings_(warnings) {}

    std::variant<TypedComparison, SemanticError> check() {
        auto left = check_operand(node_.left, catalogue_, Place::left);
        if (auto* e = std::get_if<SemanticError>(&left)) return *e;
        out_.left = std::move(std::get<TypedOperand>(left));
        warn_if_deprecated(out_.left, node_.left);
        bool ok = check_operator();
        if (ok && node_.op != Operator::exists) ok = is_operand(node_.right) ? check_right() : check_literals();
        if (!ok) return error_;
        return std::move(out_);
    }

private:
    static bool is_operand(const Operand& o) {
        return o.kind == Operand::Kind::field || o.kind == Operand::Kind::transformer;
    }
    bool fail(uint32_t offset, std::string message, bool unknown_name = false) {
        error_ = {std::move(message), offset, unknown_name};
        return false;
    }
    std::string operator_text() const { return "operator '" + std::string(to_string(node_.op)) + "'"; }

    bool check_operator() {
        const TypedOperand& left = out_.left;
        std::string subject = print(node_.left) + " of type " + std::string(to_string(left.type));
        if (left.is_list) {
            bool ok = node_.op == Operator::exists || node_.op == Operator::in || node_.op == Operator::intersects;
            return ok || fail(node_.offset, operator_text() + " is not supported for the list field " + subject +
                                                "; there are in, intersects, exists");
        }
        return operator_allowed(node_.op, left.type) ||
               fail(node_.offset, operator_text() + " is not supported for field " + subject + "; there are " +
                                      operators_of(left.type));
    }

    static std::string operators_of(FieldType type) {
        std::string out;
        for (unsigned i = 0; i <= static_cast<unsigned>(Operator::pmatch); ++i) {
            const auto op = static_cast<Operator>(i);
            if (op != Operator::eq2 && operator_allowed(op, type)) out.append(out.empty() ? "" : ", ").append(to_string(op));
        }
        return out;
    }

    bool check_right() {
        auto right = check_operand(node_.right, catalogue_, Place::right);
        if (auto* e = std::get_if<SemanticError>(&right)) {
            error_ = *e;
            return false;
        }
        out_.right = std::move(std::get<TypedOperand>(right));
        out_.right_is_operand = true;
        uint32_t at = node_.right.offset;
        if (node_.op == Operator::pmatch || node_.op == Operator::regex)
            return fail(at, operator_text() + " does not support a field on its right side");
        if (out_.left.type == FieldType::net || out_.right.type == FieldType::net)
            return fail(at, "network fields cannot be compared with fields");
        if (!same_type(out_.left.type, out_.right.type))
            return fail(at, "cannot compare " + print(node_.left) + " of type " +
                                std::string(to_string(out_.left.type)) + " with " + print(node_.right) + " of type " +
                                std::string(to_string(out_.right.type)));
        bool list_ok = out_.left.is_list || is_list_operator(node_.op);
        return list_ok || !out_.right.is_list || fail(at, operator_text() + " cannot compare with a list");
    }

    bool check_literals() {
        if (node_.right.kind != Operand::Kind::list) return check_literal(node_.right);
        for (const Operand& item : node_.right.items)
            if (!check_literal(item)) return false;
        return true;
    }

    bool check_literal(const Operand& literal) {
        if (node_.op == Operator::bcontains || node_.op == Operator::bstartswith) {
            std::string bytes;
            if (!decode_hex(literal.text, bytes))
                return fail(literal.offset, "'" + literal.text + "' is not an even number of hex digits, as " +
                                                operator_text() + " needs");
            out_.literals.push_back(std::move(bytes));
            return true;
        }
        auto value = parse_literal(out_.left.type, literal.text);
        if (!value) return fail(literal.offset, value.error());
        if (!check_event_name(literal) || !check_regex(literal)) return false;
        if (!fits(out_.left.type, *value))
            warn(literal, out_.left.type == FieldType::port ? std::string("no port is larger than 65535, so this is never equal")
                                                            : "no value of type " + std::string(to_string(out_.left.type)) +
                                                                  " is so large, so this is never equal");
        if (is_text(out_.left.type) && literal.text == "<NA>")
            warn(literal, "comparing with <NA> is unsafe: a missing value makes every comparison false; use exists",
                 Code::unsafe_na_check);
        if (is_text(out_.left.type) && literal.kind == Operand::Kind::text) warn_if_misused(literal);
        out_.literals.push_back(literal.text);
        return true;
    }

    bool check_event_name(const Operand& literal) {
        if (out_.left.kind != TypedOperand::Kind::field || node_.left.text != "evt.type") return true;
        bool names = node_.op == Operator::eq || node_.op == Operator::eq2 || node_.op == Operator::ne ||
                     node_.op == Operator::in;
        if (!names || find_event_type(catalogue_, literal.text)) return true;
        std::string near = nearest_name(literal.text, catalogue_.event_types());
        return fail(
            literal.offset,
            "unknown event type '" + literal.text + "'" + (near.empty() ? "" : ", did you mean '" + near + "'?"), true);
    }

    bool check_regex(const Operand& literal) {
        if (node_.op != Operator::regex) return true;
        RE2::Options options(RE2::POSIX);
        options.set_log_errors(false);
        RE2 pattern(literal.text, options);
        if (!pattern.ok())
            return fail(literal.offset, "bad regular expression '" + literal.text + "': " + pattern.error());
        if (is_simple_regex(literal.text))
            warn(literal, "the regular expression '" + literal.text +
                              "' can be written with a simpler operator (=, startswith, endswith or contains)");
        return true;
    }

    void warn_if_deprecated(const TypedOperand& typed, const Operand& at) {
        if (typed.kind == TypedOperand::Kind::field && typed.field.info->deprecated)
            warn(at, "field " + typed.field.text + " is deprecated", Code::deprecated_item);
        for (size_t i = 0; i < typed.items.size(); ++i) warn_if_deprecated(typed.items[i], at);
    }

    void warn_if_misused(const Operand& literal) {
        auto parsed = parse_operand(literal.text);
        auto* operand = std::get_if<Operand>(&parsed);
        if (!operand) return;
        if (operand->kind == Operand::Kind::field &&
            longest_field_prefix(catalogue_, operand->text) != operand->text.size())
            return;
        if (!std::holds_alternative<TypedOperand>(check_operand(*operand, catalogue_, Place::left))) return;
        bool field = operand->kind == Operand::Kind::field;
        warn(literal, "'" + literal.text + "' may be a valid field " + (field ? "" : "transformer ") +
                          "misused as a const string value");
    }

    void warn(const Operand& at, std::string message, Code code = Code::compile_condition) {
        warnings_.push_back({code, std::move(message), at.offset});
    }

    const Node& node_;
    const Catalogue& catalogue_;
    std::vector<SemanticWarning>& warnings_;
    TypedComparison out_;
    SemanticError error_;
};

}  // namespace

std::variant<TypedComparison, SemanticError> check_comparison(const Node& node, const Catalogue& catalogue,
                                                              std::vector<SemanticWarning>& warnings) {
    return ComparisonCheck(node, catalogue, warnings).check();
}

}  // namespace undercoat::rules
