// Parses and renders output formats, see output_template.h.
#include "rules/output_template.h"

#include "base/utf8.h"
#include "rules/lang/parser.h"
#include "rules/lang/printer.h"
#include "rules/vm/compile.h"
#include "rules/vm/eval.h"
#include "rules/vm/transform.h"

#include <algorithm>

namespace undercoat::rules {
namespace {

constexpr size_t max_width = 4096;

Value joined_with_blanks(const Value& list, Arena& arena) {
    std::string out;
    for (const Value& v : list.list()) {
        if (!out.empty()) out += ' ';
        out += render_text(v, arena);
    }
    return Value::text(arena.copy(out));
}

// A list or what a transformer made, as outputs show it: without control characters and broken UTF-8. (Of single values
// output_value takes these out.)
Value harmless(const Value& made, Arena& arena) {
    if (made.kind() == Value::Kind::list) {
        auto items = arena.array<Value>(made.list().size());
        std::transform(made.list().begin(), made.list().end(), items.begin(), [&](const Value& item) { return harmless(item, arena); });
        return Value::list(items);
    }
    if (made.kind() != Value::Kind::text && made.kind() != Value::Kind::bytes) return made;
    std::string out;
    append_harmless(made.text(), out);
    return Value::text(arena.copy(out));
}

// The value as outputs show it: a plain field through output_value, of a transformer what it makes of the compared values.
Value shown(const Program& program, uint32_t index, EventView& event, Evaluator& evaluator, Arena& arena) {
    const Operation& operation = program.operations[index];
    if (operation.kind != Operation::Kind::field) return harmless(evaluator.value(index), arena);
    Value value = event.output_value(operation.field, arena);
    bool several = value.kind() == Value::Kind::list && operation.mode != MatchMode::scalar;
    if (several) return joined_with_blanks(value, arena);
    return value.kind() == Value::Kind::list ? harmless(value, arena) : value;
}

std::string_view token_at(std::string_view text) {
    return text.substr(0, std::min(text.find_first_of(" \t\r\n"), text.size()));
}

}  // namespace

class OutputTemplate::Parser {
public:
    Parser(std::string_view format, const Catalogue& catalogue)
        : text_(format), catalogue_(catalogue), compiler_(catalogue, [](std::string_view) { return nullptr; }) {}

    std::variant<OutputTemplate, OutputError> parse() {
        if (text_.starts_with('*')) {
            out_.continue_on_missing_ = true;
            at_ = 1;
        }
        while (at_ < text_.size()) {
            size_t percent = std::min(text_.find('%', at_), text_.size());
            if (percent > at_) add_literal(text_.substr(at_, percent - at_));
            at_ = percent;
            if (at_ < text_.size() && !token()) return error_;
        }
        out_.program_ = compiler_.finish();
        std::sort(out_.keys_.begin(), out_.keys_.end(), [](const Key& a, const Key& b) { return a.key < b.key; });
        for (const Key& k : out_.keys_)
            if (!k.transformed) out_.field_refs_.push_back(out_.program_->operations[k.operation].field);
        return std::move(out_);
    }

private:
    void add_literal(std::string_view literal) {
        Part part;
        part.literal = literal;
        out_.parts_.push_back(std::move(part));
    }

    bool fail(size_t at, std::string message, bool unknown_name) {
        error_ = {std::move(message), at, unknown_name};
        return false;
    }

    // text_[at_] is '%'.
    bool token() {
        size_t start = at_++;
        size_t width = 0;
        for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_)
            width = std::min(width * 10 + static_cast<size_t>(text_[at_] - '0'), max_width);
        std::string_view rest = text_.substr(at_);
        size_t used = 0;
        auto operand = read_operand(rest, used);
        if (auto* e = std::get_if<ParseError>(&operand)) {
            bool unknown = e->message.empty();
            std::string message = "invalid formatting token " + std::string(token_at(rest));
            return fail(start, message + (unknown ? suggestion(rest) : ": " + e->message), unknown);
        }
        at_ += used;
        return add_operand(std::get<Operand>(operand), start, width);
    }

    std::string suggestion(std::string_view rest) const {
        const std::string_view name =
            rest.substr(0, std::min(rest.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_."),
                                    rest.size()));
        if (name.empty()) return ": a field follows the '%', such as %proc.name";
        std::vector<std::string_view> names;
        for (const FieldInfo& f : catalogue_.fields()) names.push_back(f.name);
        const std::string near = nearest_name(name, names);
        return near.empty() ? ": there is no such field" : ", did you mean '%" + near + "'?";
    }

    std::variant<Operand, ParseError> read_operand(std::string_view rest, size_t& used) const {
        size_t open = rest.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789");
        if (open != rest.npos && rest[open] == '(' && is_transformer_name(rest.substr(0, open)))
            return parse_operand_prefix(rest, used);
        size_t length = longest_field_prefix(catalogue_, rest);
        if (length == 0) return ParseError{};
        Operand field;
        field.kind = Operand::Kind::field;
        field.text = rest.substr(0, length);
        used = length;
        if (length == rest.size() || rest[length] != '[' || !takes_argument(field.text)) return field;
        return parse_operand_prefix(rest, used);
    }

    bool takes_argument(std::string_view name) const {
        for (const FieldInfo& f : catalogue_.fields())
            if (f.name == name) return f.argument != ArgumentUse::none;
        return false;
    }

    bool add_operand(const Operand& operand, size_t start, size_t width) {
        auto index = compiler_.add_output_operand(operand);
        if (auto* e = std::get_if<SemanticError>(&index)) return fail(start, e->message, e->unknown_name);
        Part part;
        part.operation = std::get<uint32_t>(index);
        part.width = width;
        out_.parts_.push_back(std::move(part));
        add_keys(operand);
        return true;
    }

    // The operand and the fields inside it, all of which are known to be good.
    void add_keys(const Operand& operand) {
        for (const Operand& item : operand.items) add_keys(item);
        bool field = operand.kind == Operand::Kind::field;
        if (!field && operand.kind != Operand::Kind::transformer) return;
        std::string key = print(operand);
        for (const Key& k : out_.keys_)
            if (k.key == key) return;
        auto index = compiler_.add_output_operand(operand);
        if (auto* i = std::get_if<uint32_t>(&index)) out_.keys_.push_back({std::move(key), *i, !field});
    }

    std::string_view text_;
    const Catalogue& catalogue_;
    Compiler compiler_;
    OutputTemplate out_;
    OutputError error_;
    size_t at_ = 0;
};

std::variant<OutputTemplate, OutputError> OutputTemplate::parse(std::string_view format, const Catalogue& catalogue) {
    return Parser(format, catalogue).parse();
}

OutputTemplate::Rendered OutputTemplate::render(EventView& event) const {
    Arena arena;
    Evaluator evaluator(*program_);
    evaluator.begin(event, arena);
    Rendered out;
    for (const Part& part : parts_) {
        if (part.operation == Check::no_operation) {
            out.text += part.literal;
            continue;
        }
        Value value = shown(*program_, part.operation, event, evaluator, arena);
        if (!value.exists() && !continue_on_missing_) {
            out.complete = false;
            return out;
        }
        std::string_view text = render_text(value, arena);
        out.text += part.width == 0 ? text : text.substr(0, part.width);
        if (text.size() < part.width) out.text.append(part.width - text.size(), ' ');
    }
    return out;
}

std::vector<OutputTemplate::Field> OutputTemplate::fields(EventView& event, Arena& arena, bool with_transformed) const {
    Evaluator evaluator(*program_);
    evaluator.begin(event, arena);
    std::vector<Field> out;
    for (const Key& k : keys_)
        if (with_transformed || !k.transformed)
            out.push_back({k.key, shown(*program_, k.operation, event, evaluator, arena)});
    return out;
}

}  // namespace undercoat::rules
