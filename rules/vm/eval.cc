// Runs compiled conditions, see eval.h.
#include "rules/vm/eval.h"

#include "rules/vm/transform.h"
#include "rules/vm/utf8.h"

#include <algorithm>
#include <compare>
#include <cstring>

namespace undercoat::rules {
namespace {

bool same_value(const Value& a, const Value& b) {
    using K = Value::Kind;
    switch (a.kind()) {
        case K::boolean: return b.kind() == K::boolean && a.boolean() == b.boolean();
        case K::i64:
            if (b.kind() == K::u64) return a.i64() >= 0 && static_cast<uint64_t>(a.i64()) == b.u64();
            return b.kind() == K::i64 && a.i64() == b.i64();
        case K::u64:
            if (b.kind() == K::i64) return same_value(b, a);
            return b.kind() == K::u64 && a.u64() == b.u64();
        case K::real: return b.kind() == K::real && a.real() == b.real();
        case K::text:
        case K::bytes: return (b.kind() == K::text || b.kind() == K::bytes) && a.text() == b.text();
        case K::ip: return b.kind() == K::net ? b.net().contains(a.ip()) : b.kind() == K::ip && a.ip() == b.ip();
        case K::net: return b.kind() == K::net && a.net() == b.net();
        case K::none:
        case K::list: return false;
    }
    return false;
}

// Whether the values are ordered at all, and how.
std::partial_ordering order(const Value& a, const Value& b) {
    using K = Value::Kind;
    if (a.kind() == K::i64 && b.kind() == K::i64) return a.i64() <=> b.i64();
    if (a.kind() == K::u64 && b.kind() == K::u64) return a.u64() <=> b.u64();
    if (a.kind() == K::i64 && b.kind() == K::u64)
        return a.i64() < 0 ? std::partial_ordering::less : static_cast<uint64_t>(a.i64()) <=> b.u64();
    if (a.kind() == K::u64 && b.kind() == K::i64)
        return b.i64() < 0 ? std::partial_ordering::greater : a.u64() <=> static_cast<uint64_t>(b.i64());
    if (a.kind() == K::real && b.kind() == K::real) return a.real() <=> b.real();
    if (a.kind() == K::text && b.kind() == K::text) return a.text() <=> b.text();
    return std::partial_ordering::unordered;
}

bool in_order(Operator op, const Value& left, const Value& right) {
    switch (op) {
        case Operator::lt: return order(left, right) < 0;
        case Operator::le: return order(left, right) <= 0;
        case Operator::gt: return order(left, right) > 0;
        default: return order(left, right) >= 0;
    }
}

bool has_text(const Value& v) {
    return v.kind() == Value::Kind::text || v.kind() == Value::Kind::bytes;
}

// As std::string_view::find, for texts that are short and seldom hold what is looked for.
bool contains_text(std::string_view text, std::string_view wanted) {
    return ::memmem(text.data(), text.size(), wanted.data(), wanted.size()) != nullptr;
}

bool text_operator(Operator op, std::string_view left, std::string_view right) {
    switch (op) {
        case Operator::contains:
        case Operator::bcontains: return contains_text(left, right);
        case Operator::icontains: return contains_ignoring_case(left, right);
        case Operator::startswith:
        case Operator::bstartswith: return left.starts_with(right);
        case Operator::endswith: return left.ends_with(right);
        case Operator::glob: return glob_match(right, left, false);
        case Operator::iglob: return glob_match(right, left, true);
        default: return false;
    }
}

}  // namespace

Evaluator::Evaluator(const Program& program)
    : program_(program),
      checks_(program.checks.size()),
      macros_(program.macro_start.size()),
      values_(program.operations.size()) {}

void Evaluator::begin(EventView& event, Arena& arena) {
    event_ = &event;
    arena_ = &arena;
    ++stamp_;
}

bool Evaluator::run(uint32_t start) {
    bool result = false;
    const Instruction* code = program_.code.data();
    for (uint32_t at = start;; ++at) {
        const Instruction& i = code[at];
        switch (i.op) {
            case Instruction::Op::check: result = check(i.argument); break;
            case Instruction::Op::call: result = call(i.argument); break;
            case Instruction::Op::invert: result = !result; break;
            case Instruction::Op::skip_if_false:
                if (!result) at = i.argument - 1;
                break;
            case Instruction::Op::skip_if_true:
                if (result) at = i.argument - 1;
                break;
            case Instruction::Op::finish: return result;
        }
    }
}

Evaluator::Prepared Evaluator::prepare(std::span<const PlannedCondition> conditions) {
    Prepared out{make_plan(program_, conditions, [this](uint32_t index) { return check(index); }), {}};
    out.parts.resize(out.plan.part_start.size());
    return out;
}

void Evaluator::run(Prepared& prepared, std::vector<uint32_t>& matched) {
    const Step* const steps = prepared.plan.steps.data();
    for (uint32_t at = 0;;) {
        const Step& s = steps[at];
        switch (s.op) {
            case Step::Op::test: at = evaluate(program_.checks[s.argument]) ? s.yes : s.no; break;
            case Step::Op::shared: at = check(s.argument) ? s.yes : s.no; break;
            case Step::Op::part: at = part(prepared, s.argument) ? s.yes : s.no; break;
            case Step::Op::match:
                matched.push_back(s.argument);
                at = s.yes;
                break;
            default: return;
        }
    }
}

bool Evaluator::part(Prepared& prepared, uint32_t index) {
    Memo& memo = prepared.parts[index];
    if (memo.is_of(stamp_)) return memo.verdict();
    const Step* const steps = prepared.plan.steps.data();
    for (uint32_t at = prepared.plan.part_start[index];;) {
        const Step& s = steps[at];
        switch (s.op) {
            case Step::Op::test: at = evaluate(program_.checks[s.argument]) ? s.yes : s.no; break;
            case Step::Op::shared: at = check(s.argument) ? s.yes : s.no; break;
            case Step::Op::part: at = part(prepared, s.argument) ? s.yes : s.no; break;
            default: return memo.set(stamp_, s.op == Step::Op::hold);
        }
    }
}

bool Evaluator::check(uint32_t index) {
    Memo& memo = checks_[index];
    if (memo.is_of(stamp_)) return memo.verdict();
    return memo.set(stamp_, evaluate(program_.checks[index]));
}

bool Evaluator::call(uint32_t macro) {
    Memo& memo = macros_[macro];
    if (memo.is_of(stamp_)) return memo.verdict();
    return memo.set(stamp_, run(program_.macro_start[macro]));
}

const Value& Evaluator::value(uint32_t operation) {
    ValueMemo& memo = values_[operation];
    if (memo.stamp != stamp_) {
        memo.value = compute(program_.operations[operation]);
        memo.stamp = stamp_;
        memo.literal = unknown;
    }
    return memo.value;
}

Value Evaluator::compute(const Operation& operation) {
    switch (operation.kind) {
        case Operation::Kind::field: return event_->extract(operation.field, *arena_);
        case Operation::Kind::constant: return operation.constant;
        case Operation::Kind::transform:
        case Operation::Kind::list: break;
    }
    auto arguments = arena_->array<Value>(operation.arguments.size());
    for (size_t i = 0; i < arguments.size(); ++i) {
        arguments[i] = value(operation.arguments[i]);
        if (!arguments[i].exists()) return {};
    }
    if (operation.kind == Operation::Kind::list) return Value::list(arguments);
    return apply_transform(operation.transform, arguments, operation.option, *arena_);
}

bool Evaluator::evaluate(const Check& check) {
    using Form = Check::Form;
    const Value& left = value(check.left);
    switch (left.kind()) {
        case Value::Kind::none: return false;
        case Value::Kind::text:
            if (check.form != Form::any) return evaluate_text(check, left.text());
            break;
        case Value::Kind::boolean:
            if (check.form == Form::boolean_eq) return left.boolean() == check.values.front().boolean();
            break;
        case Value::Kind::i64:
        case Value::Kind::u64:
            if (check.form == Form::number_eq) return same_value(left, check.values.front());
            if (check.form == Form::number_order) return in_order(check.op, left, check.values.front());
            break;
        default: break;
    }
    return evaluate_any(check, Value(left));
}

bool Evaluator::evaluate_text(const Check& check, std::string_view left) {
    using Form = Check::Form;
    switch (check.form) {
        case Form::text_eq:
        case Form::text_in: return names(check, left);
        case Form::text_ne: return !names(check, left);
        case Form::starts: return left.starts_with(check.values.front().text());
        case Form::ends: return left.ends_with(check.values.front().text());
        case Form::contains: return contains_text(left, check.values.front().text());
        case Form::glob: return glob_match(check.values.front().text(), left, false);
        default: return evaluate_any(check, Value::text(left));
    }
}

// Whether the value is one of the check's literals. Precondition: value(check.left) is this text.
bool Evaluator::names(const Check& check, std::string_view left) {
    if (check.literals.empty())
        return check.form == Check::Form::text_in ? check.text_set.contains(left) : left == check.values.front().text();
    uint32_t& number = values_[check.left].literal;
    if (number == unknown) {
        const auto& literals = program_.operations[check.left].literals;
        const auto known = literals.find(left);
        number = known == literals.end() ? none : known->second;
    }
    return number != none && (check.literals[number / 64] >> (number % 64) & 1) != 0;
}

bool Evaluator::evaluate_any(const Check& check, const Value& left) {
    if (check.op == Operator::exists) return true;
    if (check.right != Check::no_operation && !value(check.right).exists()) return false;
    if (is_list_operator(check.op)) return evaluate_list(check, left);
    return evaluate_scalar(check, left);
}

bool Evaluator::evaluate_list(const Check& check, const Value& left) {
    auto contains = [&](const Value& element) { return in_set(check, element); };
    if (!check.left_is_list) return by_mode(check, left, contains);
    if (left.kind() != Value::Kind::list) return contains(left);
    auto elements = left.list();
    if (check.op == Operator::in) return std::all_of(elements.begin(), elements.end(), contains);
    return std::any_of(elements.begin(), elements.end(), contains);
}

bool Evaluator::in_set(const Check& check, const Value& element) {
    if (check.op == Operator::pmatch) return has_text(element) && check.prefixes.match(element.text());
    if (check.right != Check::no_operation) {
        const Value& right = value(check.right);
        if (right.kind() != Value::Kind::list) return equal(check, element, right);
        auto items = right.list();
        return std::any_of(items.begin(), items.end(), [&](const Value& r) { return equal(check, element, r); });
    }
    if (element.kind() == Value::Kind::text) return check.text_set.contains(element.text());
    return std::any_of(check.values.begin(), check.values.end(),
                       [&](const Value& v) { return equal(check, element, v); });
}

bool Evaluator::evaluate_scalar(const Check& check, const Value& left) {
    auto one = [&](size_t index) {
        return by_mode(check, left, [&](const Value& element) { return matches(check, element, index); });
    };
    if (check.modifier == Modifier::none) return one(0);
    size_t count = 0;
    for (size_t i = 0; i < check.values.size(); ++i) count += one(i);
    switch (check.modifier) {
        case Modifier::oneof: return count == 1;
        case Modifier::anyof: return count > 0;
        default: return count > 0 && count == check.values.size();
    }
}

template <class Test>
bool Evaluator::by_mode(const Check& check, const Value& left, Test test) {
    if (left.kind() != Value::Kind::list) return test(left);
    auto elements = left.list();
    if (check.mode == MatchMode::either_side && check.op == Operator::ne)
        return !elements.empty() && std::all_of(elements.begin(), elements.end(), test);
    return std::any_of(elements.begin(), elements.end(), test);
}

bool Evaluator::matches(const Check& check, const Value& left, size_t index) {
    if (check.op == Operator::regex) return has_text(left) && regex_match(*check.patterns[index], left.text());
    const Value& right = check.right != Check::no_operation ? value(check.right) : check.values[index];
    if (right.kind() == Value::Kind::list) {
        auto items = right.list();
        return std::any_of(items.begin(), items.end(), [&](const Value& r) { return compare(check, left, r); });
    }
    return compare(check, left, right);
}

bool Evaluator::compare(const Check& check, const Value& left, const Value& right) {
    switch (check.op) {
        case Operator::eq: return equal(check, left, right);
        case Operator::ne: return !equal(check, left, right);
        case Operator::lt:
        case Operator::le:
        case Operator::gt:
        case Operator::ge: return in_order(check.op, left, right);
        default: return has_text(left) && has_text(right) && text_operator(check.op, left.text(), right.text());
    }
}

bool Evaluator::equal(const Check& check, const Value& a, const Value& b) {
    if (check.mode == MatchMode::host_name && a.kind() == Value::Kind::ip && b.kind() == Value::Kind::text)
        return event_->name_has_address(b.text(), a.ip());
    return same_value(a, b);
}

bool Evaluator::regex_match(const RE2& pattern, std::string_view text) {
    text = valid_utf8(text, *arena_);
    return RE2::FullMatch(re2::StringPiece(text.data(), text.size()), pattern);
}

}  // namespace undercoat::rules
