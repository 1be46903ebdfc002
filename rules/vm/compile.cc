// Compiles trees into the Program, see compile.h.
#include "rules/vm/compile.h"

#include "rules/sema/literal.h"

#include <algorithm>

namespace undercoat::rules {
namespace {

// Of one operation: bounds the memory of the checks' bits.
constexpr size_t most_numbered_literals = 4096;

void merge(std::vector<uint32_t>& into, const std::vector<uint32_t>& from) {
    for (uint32_t v : from)
        if (std::find(into.begin(), into.end(), v) == into.end()) into.push_back(v);
}

std::string printed_typed(const TypedOperand& operand) {
    switch (operand.kind) {
        case TypedOperand::Kind::field: return operand.field.text;
        case TypedOperand::Kind::text: return "'" + std::to_string(operand.constant.size()) + ":" + operand.constant;
        default: break;
    }
    std::string out =
        operand.kind == TypedOperand::Kind::list ? "(" : std::to_string(static_cast<int>(operand.transform));
    if (operand.kind == TypedOperand::Kind::transform) out += "(";
    for (const TypedOperand& item : operand.items) {
        out += printed_typed(item);
        out += ',';
    }
    out += ')';
    out += operand.option == 0 ? std::string() : std::string("[") + operand.option;
    return out;
}

// What a check is known by: equal texts mean equal checks. Constants carry their length, so that none looks like a
// field.
std::string key_of(const TypedComparison& typed, const Node& node) {
    std::string out = printed_typed(typed.left);
    out += ' ';
    out += to_string(node.op == Operator::eq2 ? Operator::eq : node.op);
    out += ' ';
    out += to_string(node.modifier);
    for (const std::string& literal : typed.literals) {
        out += " '";
        out += std::to_string(literal.size());
        out += ':';
        out += literal;
    }
    if (typed.right_is_operand) out += " val " + printed_typed(typed.right);
    return out;
}

}  // namespace

Compiler::Compiler(const Catalogue& catalogue, MacroLookup macros, unsigned max_depth)
    : catalogue_(catalogue),
      macro_tree_(std::move(macros)),
      max_depth_(max_depth),
      program_(std::make_shared<Program>()) {}

std::variant<CompiledCondition, CompileError> Compiler::add_condition(const Node& condition) {
    Unit unit;
    const uint32_t formula = emit(condition, unit, 1);
    if (unit.error) return *unit.error;
    CompiledCondition out;
    out.formula = formula;
    out.start = place(std::move(unit.code));
    out.event_types = outcome_of(condition).can_be_true;
    out.operations = std::move(unit.operations);
    out.warnings = std::move(unit.warnings);
    return out;
}

std::variant<uint32_t, SemanticError> Compiler::add_output_operand(const Operand& operand) {
    auto typed = check_operand(operand, catalogue_, Place::output);
    if (auto* e = std::get_if<SemanticError>(&typed)) return *e;
    auto& t = std::get<TypedOperand>(typed);
    return add_operation(t, printed_typed(t), nullptr);
}

std::shared_ptr<const Program> Compiler::finish() {
    const auto names_texts = [](const Check& c) {
        return c.form == Check::Form::text_eq || c.form == Check::Form::text_ne || c.form == Check::Form::text_in;
    };
    for (const Check& c : program_->checks) {
        if (!names_texts(c)) continue;
        auto& literals = program_->operations[c.left].literals;
        for (const Value& v : c.values) literals.try_emplace(v.text(), static_cast<uint32_t>(literals.size()));
    }
    for (Check& c : program_->checks) {
        auto& literals = program_->operations[c.left].literals;
        if (!names_texts(c) || literals.size() > most_numbered_literals) continue;
        c.literals.resize(literals.size() / 64 + 1);
        for (const Value& v : c.values) {
            const uint32_t number = literals.find(v.text())->second;
            c.literals[number / 64] |= uint64_t{1} << (number % 64);
        }
    }
    return std::move(program_);
}

EventTypeOutcome Compiler::outcome_of(const Node& node) {
    return infer_event_types(node, catalogue_,
                             [this](std::string_view name) { return macros_.find(name)->second.outcome; });
}

uint32_t Compiler::place(std::vector<Instruction> code) {
    auto start = static_cast<uint32_t>(program_->code.size());
    for (Instruction& i : code)
        if (i.op == Instruction::Op::skip_if_false || i.op == Instruction::Op::skip_if_true) i.argument += start;
    code.push_back({Instruction::Op::finish, 0});
    program_->code.insert(program_->code.end(), code.begin(), code.end());
    return start;
}

uint32_t Compiler::add_formula(Formula formula) {
    program_->formulas.push_back(std::move(formula));
    return static_cast<uint32_t>(program_->formulas.size() - 1);
}

uint32_t Compiler::emit(const Node& node, Unit& unit, unsigned depth) {
    unit.depth = std::max(unit.depth, depth);
    if (depth > max_depth_ && !unit.error)
        unit.error = CompileError{"the condition is nested deeper than " + std::to_string(max_depth_) +
                                      " levels, its macros included", unit.macro, node.offset, false, false};
    if (unit.error) return 0;
    switch (node.kind) {
        case Node::Kind::all:
        case Node::Kind::any: return emit_chain(node, unit, depth);
        case Node::Kind::macro: return emit_macro(node, unit, depth);
        case Node::Kind::comparison: return emit_comparison(node, unit);
        case Node::Kind::negation: break;
    }
    const uint32_t inner = emit(*node.children.front(), unit, depth + 1);
    unit.code.push_back({Instruction::Op::invert, 0});
    return unit.error ? 0 : add_formula({Formula::Kind::negation, 0, {inner}});
}

uint32_t Compiler::emit_chain(const Node& node, Unit& unit, unsigned depth) {
    auto op = node.kind == Node::Kind::all ? Instruction::Op::skip_if_false : Instruction::Op::skip_if_true;
    std::vector<size_t> skips;
    Formula formula;
    formula.kind = node.kind == Node::Kind::all ? Formula::Kind::all : Formula::Kind::any;
    for (size_t i = 0; i < node.children.size(); ++i) {
        if (i > 0) {
            skips.push_back(unit.code.size());
            unit.code.push_back({op, 0});
        }
        formula.children.push_back(emit(*node.children[i], unit, depth + 1));
    }
    for (size_t at : skips) unit.code[at].argument = static_cast<uint32_t>(unit.code.size());
    return unit.error ? 0 : add_formula(std::move(formula));
}

uint32_t Compiler::emit_macro(const Node& node, Unit& unit, unsigned depth) {
    const Node* tree = macro_tree_(node.name);
    auto fail = [&](std::string message) {
        unit.error = CompileError{std::move(message), unit.macro, node.offset, false, true};
        return 0u;
    };
    if (!tree) {
        fail("Undefined macro '" + node.name + "' used in filter.");
        unit.error->undefined_macro = node.name;
        return 0;
    }
    auto known = macros_.find(node.name);
    if (known != macros_.end() && known->second.state == Macro::State::compiling)
        return fail("Reference loop in macro '" + node.name + "'");
    const Macro& macro = compile_macro(node.name, *tree);
    if (macro.state == Macro::State::failed) {
        unit.error = macro.error;
        return 0;
    }
    unit.depth = std::max(unit.depth, depth + macro.depth);
    if (unit.depth > max_depth_) return fail("the condition is nested deeper than " + std::to_string(max_depth_) +
                                             " levels, its macros included");
    merge(unit.operations, macro.operations);
    unit.warnings.insert(unit.warnings.end(), macro.warnings.begin(), macro.warnings.end());
    unit.code.push_back({Instruction::Op::call, macro.index});
    return macro.formula;
}

const Compiler::Macro& Compiler::compile_macro(std::string_view name, const Node& tree) {
    auto [it, is_new] = macros_.try_emplace(std::string(name));
    Macro& macro = it->second;
    if (!is_new) return macro;
    Unit unit;
    unit.macro = name;
    // Macros nest on the stack while they are compiled, so their chain counts against the limit as it grows.
    unsigned compiling = 0;
    for (const auto& [other, m] : macros_) compiling += m.state == Macro::State::compiling;
    const uint32_t formula = emit(tree, unit, compiling);
    if (unit.error) {
        macro.state = Macro::State::failed;
        macro.error = *unit.error;
        return macro;
    }
    macro.formula = formula;
    macro.depth = unit.depth - compiling + 1;
    macro.index = static_cast<uint32_t>(program_->macro_start.size());
    program_->macro_start.push_back(place(std::move(unit.code)));
    macro.outcome = outcome_of(tree);
    macro.operations = std::move(unit.operations);
    macro.warnings = std::move(unit.warnings);
    macro.state = Macro::State::compiled;
    return macro;
}

uint32_t Compiler::emit_comparison(const Node& node, Unit& unit) {
    std::vector<SemanticWarning> warnings;
    auto typed = check_comparison(node, catalogue_, warnings);
    if (auto* e = std::get_if<SemanticError>(&typed)) {
        unit.error = CompileError{e->message, unit.macro, e->offset, e->unknown_name, false};
        return 0;
    }
    for (SemanticWarning& w : warnings) unit.warnings.push_back({w.code, std::move(w.message), unit.macro, w.offset});
    const auto& t = std::get<TypedComparison>(typed);
    // What no event can satisfy (evt.num=0) asks for no field, so that it does not make verdicts depend on the number.
    const bool never = infer_event_types(node, catalogue_, {}).can_be_true.count() == 0;
    std::string key = never ? std::string("never") : key_of(t, node);
    auto [it, is_new] = check_index_.try_emplace(key, static_cast<uint32_t>(program_->checks.size()));
    if (is_new) {
        Check check;
        if (!never) fill_check(check, t, node);
        std::vector<uint32_t>& used = check_operations_[key];
        check.left = add_operation(t.left, printed_typed(t.left), &used);
        if (never) check.left = no_value();
        if (t.right_is_operand) check.right = add_operation(t.right, printed_typed(t.right), &used);
        check.by_type = is_by_type(check.left) && (check.right == Check::no_operation || is_by_type(check.right));
        check.form = form_of(check);
        program_->checks.push_back(std::move(check));
        check_formula_[it->second] = add_formula({Formula::Kind::check, it->second, {}});
    }
    merge(unit.operations, check_operations_[key]);
    unit.code.push_back({Instruction::Op::check, it->second});
    return check_formula_[it->second];
}

bool Compiler::is_by_type(uint32_t operation) const {
    const Operation& op = program_->operations[operation];
    if (op.kind == Operation::Kind::field) return op.field.info->by_type;
    return std::all_of(op.arguments.begin(), op.arguments.end(), [this](uint32_t a) { return is_by_type(a); });
}

Check::Form Compiler::form_of(const Check& check) const {
    using Form = Check::Form;
    const bool plain = check.right == Check::no_operation && check.modifier == Modifier::none && !check.left_is_list &&
                       check.mode == MatchMode::scalar && !check.values.empty();
    if (!plain) return Form::any;
    const auto all_text = [&] {
        return std::all_of(check.values.begin(), check.values.end(), [](const Value& v) { return v.kind() == Value::Kind::text; });
    };
    if (check.op == Operator::in) return all_text() && !check.text_set.empty() ? Form::text_in : Form::any;
    if (check.values.size() != 1) return Form::any;
    const Value::Kind kind = check.values.front().kind();
    if (kind == Value::Kind::boolean) return check.op == Operator::eq ? Form::boolean_eq : Form::any;
    if (kind == Value::Kind::u64 || kind == Value::Kind::i64) {
        if (check.op == Operator::eq) return Form::number_eq;
        return is_numeric_operator(check.op) ? Form::number_order : Form::any;
    }
    if (kind != Value::Kind::text) return Form::any;
    switch (check.op) {
        case Operator::eq: return Form::text_eq;
        case Operator::ne: return Form::text_ne;
        case Operator::startswith: return Form::starts;
        case Operator::endswith: return Form::ends;
        case Operator::contains: return Form::contains;
        case Operator::glob: return Form::glob;
        default: return Form::any;
    }
}

void Compiler::fill_check(Check& check, const TypedComparison& typed, const Node& node) {
    check.op = node.op == Operator::eq2 ? Operator::eq : node.op;
    check.modifier = node.modifier;
    check.left_is_list = typed.left.is_list;
    check.mode = typed.left.mode;
    bool hex = check.op == Operator::bcontains || check.op == Operator::bstartswith;
    for (const std::string& literal : typed.literals) {
        std::string_view text = program_->constants.copy(literal);
        auto value = hex ? Result<Value>(Value::bytes(text)) : parse_literal(typed.left.type, text);
        check.values.push_back(*value);
        if (check.op == Operator::pmatch) check.prefixes.add(text);
        if (is_text(typed.left.type) && is_list_operator(check.op)) check.text_set.insert(text);
        if (check.op != Operator::regex) continue;
        RE2::Options options(RE2::POSIX);
        options.set_log_errors(false);
        check.patterns.push_back(std::make_unique<RE2>(re2::StringPiece(text.data(), text.size()), options));
    }
}

// The operation that never has a value, so that its check is false without looking at the event.
uint32_t Compiler::no_value() {
    auto [it, is_new] = operation_index_.try_emplace("no value", static_cast<uint32_t>(program_->operations.size()));
    if (is_new) {
        Operation op;
        op.kind = Operation::Kind::constant;
        program_->operations.push_back(std::move(op));
    }
    return it->second;
}

uint32_t Compiler::add_operation(const TypedOperand& operand, const std::string& printed, std::vector<uint32_t>* used) {
    Operation op;
    for (const TypedOperand& item : operand.items)
        op.arguments.push_back(add_operation(item, printed_typed(item), used));
    auto [it, is_new] = operation_index_.try_emplace(printed, static_cast<uint32_t>(program_->operations.size()));
    if (used) merge(*used, {it->second});
    if (!is_new) return it->second;
    op.is_list = operand.is_list;
    op.mode = operand.mode;
    op.option = operand.option;
    op.transform = operand.transform;
    switch (operand.kind) {
        case TypedOperand::Kind::field:
            op.kind = Operation::Kind::field;
            op.field = operand.field;
            break;
        case TypedOperand::Kind::transform: op.kind = Operation::Kind::transform; break;
        case TypedOperand::Kind::list: op.kind = Operation::Kind::list; break;
        case TypedOperand::Kind::text:
            op.kind = Operation::Kind::constant;
            op.constant = Value::text(program_->constants.copy(operand.constant));
            break;
    }
    program_->operations.push_back(std::move(op));
    return it->second;
}

}  // namespace undercoat::rules
