// Compiles conditions into a Program. The one entry point: Compiler::add_condition.
//
// Must stay true: whatever the text, the work is bounded: nesting with macros expanded is at most max_depth, and a
// macro is compiled once however often it is used.
#pragma once

#include "rules/catalogue.h"
#include "rules/code.h"
#include "rules/sema/event_types.h"
#include "rules/sema/typed.h"
#include "rules/vm/program.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>

namespace undercoat::rules {

struct CompileError {
    std::string message;
    std::string macro;    // the macro in whose condition the error is; empty: the condition itself
    uint32_t offset = 0;  // in the text of that condition
    bool unknown_name = false;
    bool bad_macro = false;  // an undefined macro, or a loop of them
    std::string undefined_macro = {};
};

struct CompileWarning {
    Code code = Code::compile_condition;
    std::string message;
    std::string macro;
    uint32_t offset = 0;
};

struct CompiledCondition {
    uint32_t start = 0;    // in Program::code
    uint32_t formula = 0;  // in Program::formulas
    EventTypeSet event_types;
    std::vector<uint32_t> operations;  // what it reads from events, without duplicates
    std::vector<CompileWarning> warnings;
};

// The tree of a macro's condition, or null if there is none of that name. Trees outlive the Compiler.
using MacroLookup = std::function<const Node*(std::string_view name)>;

class Compiler {
public:
    Compiler(const Catalogue& catalogue, MacroLookup macros, unsigned max_depth = 1000);
    std::variant<CompiledCondition, CompileError> add_condition(const Node& condition);
    // An operand of an output; its index in Program::operations.
    std::variant<uint32_t, SemanticError> add_output_operand(const Operand& operand);
    const Program& program() const { return *program_; }
    // The program so far; no further call of the Compiler is allowed.
    std::shared_ptr<const Program> finish();

private:
    struct Macro {
        enum class State : uint8_t { compiling, compiled, failed } state = State::compiling;
        uint32_t index = 0;
        uint32_t formula = 0;
        unsigned depth = 0;
        EventTypeOutcome outcome;
        std::vector<uint32_t> operations;
        std::vector<CompileWarning> warnings;
        CompileError error;
    };
    // What is collected while one condition or macro is compiled.
    struct Unit {
        std::string macro;
        std::vector<Instruction> code;
        std::vector<uint32_t> operations;
        std::vector<CompileWarning> warnings;
        unsigned depth = 0;  // deepest nesting met
        std::optional<CompileError> error;
    };

    // Each returns the formula of the node; 0 after an error.
    uint32_t emit(const Node& node, Unit& unit, unsigned depth);
    uint32_t emit_chain(const Node& node, Unit& unit, unsigned depth);
    uint32_t emit_macro(const Node& node, Unit& unit, unsigned depth);
    uint32_t emit_comparison(const Node& node, Unit& unit);
    uint32_t add_formula(Formula formula);
    bool is_by_type(uint32_t operation) const;
    Check::Form form_of(const Check& check) const;
    const Macro& compile_macro(std::string_view name, const Node& tree);
    uint32_t place(std::vector<Instruction> code);
    EventTypeOutcome outcome_of(const Node& node);
    void fill_check(Check& check, const TypedComparison& typed, const Node& node);
    uint32_t no_value();
    uint32_t add_operation(const TypedOperand& operand, const std::string& printed, std::vector<uint32_t>* used);

    const Catalogue& catalogue_;
    MacroLookup macro_tree_;
    unsigned max_depth_;
    std::shared_ptr<Program> program_;
    std::map<std::string, Macro, std::less<>> macros_;
    std::unordered_map<std::string, uint32_t> check_index_;
    std::unordered_map<uint32_t, uint32_t> check_formula_;
    std::unordered_map<std::string, std::vector<uint32_t>> check_operations_;
    std::unordered_map<std::string, uint32_t> operation_index_;
};

}  // namespace undercoat::rules
