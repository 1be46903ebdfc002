// See field_event.h.
#include "supervisor/cli/field_event.h"

#include "rules/lang/parser.h"
#include "rules/sema/literal.h"
#include "rules/vm/transform.h"

namespace undercoat::cli {
namespace {

using rules::FieldRef;
using rules::FieldType;
using rules::Value;

// The same for evt.arg.flags and evt.arg[flags].
std::string key_of(const FieldRef& f) {
    return std::to_string(f.field) + ":" + std::to_string(f.index) + ":" + f.key;
}

std::variant<FieldRef, rules::FieldError> resolve(const rules::Catalogue& catalogue, const std::string& field) {
    auto parsed = rules::parse_operand(field);
    const auto* operand = std::get_if<rules::Operand>(&parsed);
    if (!operand || operand->kind != rules::Operand::Kind::field)
        return rules::FieldError{"'" + field + "' is no field", true};
    const auto argument = operand->argument ? std::optional<std::string_view>(*operand->argument) : std::nullopt;
    return rules::find_field(catalogue, operand->text, argument);
}

Result<Value> value_of(FieldType type, std::string_view text) {
    if (rules::is_text(type)) return Value::text(text);
    if (type == FieldType::bytes) return Value::bytes(text);
    // The value of such a field is the address that rules compare with their networks.
    return rules::parse_literal(type == FieldType::net ? FieldType::ip : type, text);
}

}  // namespace

Result<FieldEvent> FieldEvent::make(const rules::Catalogue& catalogue, const std::string& type) {
    const auto id = rules::find_event_type(catalogue, type);
    if (!id) {
        const std::string near = rules::nearest_name(type, catalogue.event_types());
        return Error{"There is no event type '" + type + "'" + (near.empty() ? "." : "; did you mean '" + near + "'?")};
    }
    FieldEvent e(catalogue, *id);
    if (Status s = e.set("evt.type", {type}); !s) return Error{s.error()};
    return e;
}

Status FieldEvent::set(const std::string& field, const std::vector<std::string>& values) {
    auto found = resolve(*catalogue_, field);
    if (const auto* e = std::get_if<rules::FieldError>(&found)) return Error{e->message + "."};
    const FieldRef& ref = std::get<FieldRef>(found);
    std::vector<Value> list;
    for (const std::string& text : values) {
        auto value = value_of(ref.type, texts_.emplace_back(text));
        if (!value) return Error{field + ": " + value.error()};
        list.push_back(*value);
    }
    const bool is_list =
        ref.is_list || ref.mode == rules::MatchMode::any_of || ref.mode == rules::MatchMode::either_side;
    if (!is_list && list.size() != 1) return Error{field + " takes one value, not a list."};
    if (is_list) values_[key_of(ref)] = Value::list(lists_.emplace_back(std::move(list)));
    else values_[key_of(ref)] = list.front();
    return Unit{};
}

Value FieldEvent::extract(const FieldRef& field, rules::Arena&) {
    auto it = values_.find(key_of(field));
    return it == values_.end() ? Value() : it->second;
}

Value FieldEvent::output_value(const FieldRef& field, rules::Arena& arena) {
    const Value v = extract(field, arena);
    if (v.kind() == Value::Kind::bytes) return Value::text(v.text());
    if (v.kind() != Value::Kind::list || field.is_list) return v;
    std::string s;
    for (const Value& item : v.list()) s.append(s.empty() ? "" : " ").append(rules::render_text(item, arena));
    return Value::text(arena.copy(s));
}

}  // namespace undercoat::cli
