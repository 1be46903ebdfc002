// The compiled form of conditions, as the evaluator runs it.
//
// Must stay true: a Program is not changed once it is used by an Evaluator, and may then be shared by threads; jumps go
// forward only; every Value in it points into its own arena. Equal checks, operands and macros exist once, so that the
// evaluator computes each at most once per event.
#pragma once

#include "rules/arena.h"
#include "rules/lang/ast.h"
#include "rules/sema/typed.h"
#include "rules/vm/text_match.h"

#include <re2/re2.h>

#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace undercoat::rules {

struct Instruction {
    enum class Op : uint8_t {
        check,          // result = the check's verdict; argument = its index
        call,           // result = the macro's verdict; argument = its index
        invert,         // result = not result
        skip_if_false,  // if result is false, go on at argument
        skip_if_true,   // if result is true, go on at argument
        finish,         // the condition's verdict is result
    };
    Op op;
    uint32_t argument;
};

// A condition as a graph: macros are no nodes of their own, and equal macros are the same node. Children come before their
// parents.
struct Formula {
    enum class Kind : uint8_t { check, all, any, negation };
    Kind kind = Kind::check;
    uint32_t check = 0;               // index into Program::checks
    std::vector<uint32_t> children;   // indexes into Program::formulas; negation: one
};

// Something that has a value on an event.
struct Operation {
    enum class Kind : uint8_t { field, transform, constant, list };
    Kind kind = Kind::field;
    FieldRef field;
    Transform transform = Transform::tolower;
    std::vector<uint32_t> arguments;  // indexes of operations
    char option = 0;
    Value constant;
    bool is_list = false;
    MatchMode mode = MatchMode::scalar;
    // Every text that a check compares the whole of this value with, numbered: one look-up decides all those checks.
    std::unordered_map<std::string_view, uint32_t> literals = {};
};

struct Check {
    static constexpr uint32_t no_operation = UINT32_MAX;

    uint32_t left = 0;  // index of an operation
    Operator op = Operator::exists;
    Modifier modifier = Modifier::none;
    bool left_is_list = false;
    MatchMode mode = MatchMode::scalar;
    uint32_t right = no_operation;
    // The literals, where right is not used. What holds them depends on op and type.
    std::vector<Value> values;
    std::unordered_set<std::string_view> text_set;  // in and intersects on texts: the same values
    std::vector<std::unique_ptr<RE2>> patterns;     // regex: one for each of values
    PathPrefixes prefixes;                          // pmatch
    bool by_type = false;                           // the verdict is the same on all events of one type
    // The commonest forms, one text or number against one literal or against a set, take a way of their own.
    enum class Form : uint8_t { any, text_eq, text_ne, text_in, starts, ends, contains, glob, boolean_eq, number_eq, number_order };
    Form form = Form::any;
    // text_eq, text_ne, text_in: which of the left operation's literals they name, one bit for each; empty where those are too
    // many, and the texts themselves are compared.
    std::vector<uint64_t> literals;
};

struct Program {
    std::vector<Instruction> code;
    std::vector<uint32_t> macro_start;  // by macro index: where its code starts
    std::vector<Formula> formulas;
    std::vector<Check> checks;
    std::vector<Operation> operations;
    Arena constants;
};

}  // namespace undercoat::rules
