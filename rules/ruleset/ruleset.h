// Compiled rules, ready to be matched with events.
//
// Must stay true: a Ruleset never changes and may be shared by threads; each thread matches with its own RuleMatcher.
// Rules keep the order in which they were first defined.
#pragma once

#include "rules/catalogue.h"
#include "rules/lang/ast.h"
#include "rules/output_template.h"
#include "rules/ruleset/definitions.h"
#include "rules/sema/event_types.h"
#include "rules/vm/eval.h"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace undercoat::rules {

struct Rule {
    std::string name;
    Priority priority = Priority::debug;
    std::string source;
    std::string description;
    std::vector<std::string> tags;  // sorted
    bool enabled = true;
    bool capture = false;
    uint64_t capture_duration_ms = 0;
    OutputTemplate output;
    EventTypeSet event_types;
    std::vector<FieldRef> condition_fields;

    // For descriptions: as written, and with macros and lists put in.
    std::string condition_text, output_text;
    std::string compiled_condition;
    std::vector<std::string> macros, lists, operators;         // that the condition names, sorted
    std::vector<std::string> exception_names, exception_operators, exception_fields;

    uint32_t start = 0, formula = 0;  // of the condition in the program
    std::shared_ptr<const Node> tree;  // with LoadOptions::keep_trees: lists and exceptions put in, macros by name
};

// What the files defined beside the rules, for descriptions.
struct RulesetInfo {
    std::string required_engine_version;
    std::vector<std::vector<PluginVersion>> required_plugins;
    struct List {
        std::string name;
        std::vector<std::string> items;
        bool used;
    };
    struct Macro {
        std::string name, condition;
        std::string compiled_condition;  // with lists put in, other macros by name
        bool used;
        std::shared_ptr<const Node> tree;  // with LoadOptions::keep_trees
    };
    std::vector<List> lists;
    std::vector<Macro> macros;
};

class Ruleset {
public:
    Ruleset(std::vector<Rule> rules, std::shared_ptr<const Program> program, size_t event_type_count, RulesetInfo info);

    std::span<const Rule> rules() const { return rules_; }
    // Indexes into rules() of the enabled rules that events of this type can match, in order.
    std::span<const uint32_t> rules_for(EventTypeId type) const {
        return type < by_type_.size() ? std::span<const uint32_t>(by_type_[type]) : std::span<const uint32_t>();
    }
    // On which enabled rules can match: what the capture has to deliver.
    const EventTypeSet& needed_event_types() const { return needed_event_types_; }
    // What conditions and outputs of the enabled rules read, each once.
    const std::vector<FieldRef>& needed_fields() const { return needed_fields_; }
    // Host names that conditions compare addresses with, to be resolved beforehand.
    const std::vector<std::string>& host_names() const { return host_names_; }
    const Program& program() const { return *program_; }
    const RulesetInfo& info() const { return info_; }

private:
    void collect_needs();

    std::vector<Rule> rules_;
    std::shared_ptr<const Program> program_;
    std::vector<std::vector<uint32_t>> by_type_;
    EventTypeSet needed_event_types_;
    std::vector<FieldRef> needed_fields_;
    std::vector<std::string> host_names_;
    RulesetInfo info_;
};

enum class Matching : uint8_t { first, all };

// Matches events with one Ruleset, in one thread. Keeps the Ruleset alive.
class RuleMatcher {
public:
    explicit RuleMatcher(std::shared_ptr<const Ruleset> ruleset);

    // Calls on_match for the first matching rule, or for each, in order; returns how many matched. The arena is reset
    // at the start; values and texts stay valid until the next call. Allocates nothing on the heap for an event
    // without match.
    template <class OnMatch>
    size_t match(EventView& event, Arena& arena, Matching matching, OnMatch on_match) {
        if (ruleset_->rules_for(event.type()).empty()) return 0;
        arena.reset();
        evaluate(event, arena);
        if (matching == Matching::first && matched_.size() > 1) matched_.resize(1);
        for (const uint32_t index : matched_) on_match(ruleset_->rules()[index]);
        return matched_.size();
    }
    const Ruleset& ruleset() const { return *ruleset_; }

private:
    // Puts the matching rules into matched_, in order. The first event of a type makes the type's plan.
    void evaluate(EventView& event, Arena& arena);

    std::shared_ptr<const Ruleset> ruleset_;
    Evaluator evaluator_;
    std::vector<std::unique_ptr<Evaluator::Prepared>> plans_;  // by event type
    std::vector<uint32_t> matched_;                            // indexes of rules
};

}  // namespace undercoat::rules
