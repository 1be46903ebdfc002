// The typed form of one comparison: fields resolved, literals read, operator known to fit.
//
// Must stay true: what check_comparison accepts, the compiler can compile; every message names what was written and why
// it does not fit.
#pragma once

#include "rules/catalogue.h"
#include "rules/code.h"
#include "rules/lang/ast.h"

#include <string>
#include <variant>
#include <vector>

namespace undercoat::rules {

enum class Transform : uint8_t { tolower, toupper, b64, basename, len, join, concat, getopt };

struct TypedOperand {
    enum class Kind : uint8_t { field, transform, text, list };
    Kind kind = Kind::field;
    FieldRef field;
    Transform transform = Transform::tolower;
    std::vector<TypedOperand> items;  // arguments of the transform, elements of the list
    std::string constant;             // Kind text
    char option = 0;                  // getopt(...)[c]; 0: all options
    FieldType type = FieldType::text;
    bool is_list = false;
    MatchMode mode = MatchMode::scalar;
};

struct SemanticError {
    std::string message;
    uint32_t offset = 0;
    bool unknown_name = false;  // an unknown field or event type: skip-if-unknown-filter applies
};

struct SemanticWarning {
    Code code = Code::compile_condition;
    std::string message;
    uint32_t offset = 0;
};

// Where an operand stands decides which fields it may name.
enum class Place : uint8_t { left, right, output };

std::variant<TypedOperand, SemanticError> check_operand(const Operand& operand, const Catalogue& catalogue,
                                                        Place place);

// Exactly one of literals and right is used, neither with exists. literals are the right side's values as text,
// proven to be readable for left.type by parse_literal (bcontains, bstartswith: already decoded from hex).
struct TypedComparison {
    TypedOperand left;
    std::vector<std::string> literals;
    bool right_is_operand = false;
    TypedOperand right;
};

// Precondition: node is a comparison.
std::variant<TypedComparison, SemanticError> check_comparison(const Node& node, const Catalogue& catalogue,
                                                              std::vector<SemanticWarning>& warnings);

}  // namespace undercoat::rules
