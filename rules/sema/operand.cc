// Types of fields and transformer calls, see typed.h. One function per transformer's rule of arguments.
#include "rules/lang/printer.h"
#include "rules/sema/literal.h"
#include "rules/sema/typed.h"

#include <array>

namespace undercoat::rules {
namespace {

using OperandResult = std::variant<TypedOperand, SemanticError>;

SemanticError error(const Operand& at, std::string message) {
    return {std::move(message), at.offset, false};
}

std::string call(const Operand& operand) {
    return "transformer '" + operand.text + "'";
}

Transform transform_named(std::string_view name) {
    constexpr std::array<std::string_view, 8> names = {"tolower", "toupper", "b64",    "basename",
                                                       "len",     "join",    "concat", "getopt"};
    size_t i = 0;
    while (i + 1 < names.size() && names[i] != name) ++i;
    return static_cast<Transform>(i);
}

class OperandCheck {
public:
    OperandCheck(const Catalogue& catalogue, Place place) : catalogue_(catalogue), place_(place) {}

    OperandResult check(const Operand& operand, bool inside_transformer) const {
        switch (operand.kind) {
            case Operand::Kind::field: return field(operand, inside_transformer);
            case Operand::Kind::transformer: return transformer(operand);
            case Operand::Kind::list: return list(operand);
            case Operand::Kind::text:
            case Operand::Kind::number: break;
        }
        TypedOperand out;
        out.kind = TypedOperand::Kind::text;
        out.constant = operand.text;
        return out;
    }

private:
    OperandResult field(const Operand& operand, bool inside_transformer) const {
        if (place_ != Place::output && operand.text == "evt.type" && (inside_transformer || place_ == Place::right))
            return error(operand, "evt.type cannot stand on the right side or inside a transformer");
        auto found = find_field(catalogue_, operand.text, operand.argument);
        if (auto* e = std::get_if<FieldError>(&found))
            return SemanticError{e->message, operand.offset, e->unknown_field};
        TypedOperand out;
        out.field = std::move(std::get<FieldRef>(found));
        const FieldInfo& info = *out.field.info;
        std::string name = "field '" + out.field.text + "'";
        if (inside_transformer && info.no_transformer) return error(operand, name + " cannot be used in a transformer");
        if (place_ == Place::right && info.no_rhs) return error(operand, name + " cannot stand on the right side");
        if (place_ == Place::output && info.filter_only)
            return error(operand, name + " can only be used in conditions");
        if (place_ != Place::output && info.print_only) return error(operand, name + " can only be used in outputs");
        out.type = out.field.type;
        out.is_list = out.field.is_list;
        out.mode = out.field.mode;
        return out;
    }

    OperandResult list(const Operand& operand) const {
        TypedOperand out;
        out.kind = TypedOperand::Kind::list;
        out.is_list = true;
        for (const Operand& item : operand.items) {
            OperandResult typed = check(item, true);
            if (std::holds_alternative<SemanticError>(typed)) return typed;
            auto& t = std::get<TypedOperand>(typed);
            if (t.is_list) return error(item, "a list inside a list must not be a list itself");
            out.items.push_back(std::move(t));
        }
        return out;
    }

    OperandResult transformer(const Operand& operand) const {
        TypedOperand out;
        out.kind = TypedOperand::Kind::transform;
        out.transform = transform_named(operand.text);
        if (operand.argument && out.transform != Transform::getopt)
            return error(operand, "filter error: transformer '" + operand.text + "' does not support field arguments");
        for (const Operand& item : operand.items) {
            OperandResult typed = check(item, true);
            if (std::holds_alternative<SemanticError>(typed)) return typed;
            out.items.push_back(std::move(std::get<TypedOperand>(typed)));
        }
        std::string problem = type_of(out, operand);
        if (!problem.empty()) return error(operand, problem);
        return out;
    }

    // Sets the type of the call's result. Returns what is wrong with its arguments, or nothing.
    std::string type_of(TypedOperand& out, const Operand& operand) const {
        switch (out.transform) {
            case Transform::join: return type_of_join(out, operand);
            case Transform::concat: return type_of_concat(out, operand);
            case Transform::getopt: return type_of_getopt(out, operand);
            default: return type_of_unary(out, operand);
        }
    }

    std::string type_of_unary(TypedOperand& out, const Operand& operand) const {
        if (out.items.size() != 1) return call(operand) + " takes one argument";
        const TypedOperand& in = out.items.front();
        bool length = out.transform == Transform::len;
        bool bytes_too = length || out.transform == Transform::b64;
        bool fits = is_text(in.type) || (bytes_too && in.type == FieldType::bytes) || (length && in.is_list);
        if (!fits) return call(operand) + " cannot be applied to " + print(operand.items.front()) + " of type " +
                          std::string(to_string(in.type));
        out.mode = in.mode == MatchMode::host_name ? MatchMode::scalar : in.mode;
        out.is_list = in.is_list && !length;
        out.type = length ? FieldType::uint64 : in.type;
        return "";
    }

    std::string type_of_join(TypedOperand& out, const Operand& operand) const {
        if (out.items.size() != 2) return call(operand) + " takes a separator and a list";
        if (out.items[0].is_list || !is_text(out.items[0].type)) return call(operand) + ": the separator must be text";
        if (!out.items[1].is_list) return call(operand) + ": the second argument must be a list";
        return "";
    }

    std::string type_of_concat(TypedOperand& out, const Operand& operand) const {
        if (out.items.size() < 2) return call(operand) + " takes at least two arguments";
        for (size_t i = 0; i < out.items.size(); ++i)
            if (out.items[i].is_list || !is_text(out.items[i].type))
                return call(operand) + ": " + print(operand.items[i]) + " is not a text";
        return "";
    }

    std::string type_of_getopt(TypedOperand& out, const Operand& operand) const {
        if (out.items.size() != 2) return call(operand) + " takes a list of words and a string of options";
        const TypedOperand& words = out.items[0];
        bool splittable = words.kind != TypedOperand::Kind::text && is_text(words.type);
        if (!words.is_list && !splittable) return call(operand) + ": the first argument must be a list";
        if (words.is_list && !is_text(words.type))
            return call(operand) + ": the first argument must be a list of texts";
        if (out.items[1].is_list || !is_text(out.items[1].type))
            return call(operand) + ": the second argument must be a text";
        if (operand.argument && operand.argument->size() != 1)
            return call(operand) + ": the argument in brackets must be one option letter";
        out.option = operand.argument ? operand.argument->front() : '\0';
        out.is_list = !operand.argument;
        return "";
    }

    const Catalogue& catalogue_;
    Place place_;
};

}  // namespace

std::variant<TypedOperand, SemanticError> check_operand(const Operand& operand, const Catalogue& catalogue,
                                                        Place place) {
    return OperandCheck(catalogue, place).check(operand, false);
}

}  // namespace undercoat::rules
