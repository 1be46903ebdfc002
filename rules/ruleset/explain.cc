// Evaluates a condition's tree part by part, see explain.h.
#include "rules/ruleset/explain.h"

#include "rules/lang/printer.h"
#include "rules/ruleset/describe_condition.h"
#include "rules/vm/compile.h"
#include "rules/vm/transform.h"

#include <map>

namespace undercoat::rules {
namespace {

constexpr size_t max_nodes = 50'000;

class Explainer {
public:
    Explainer(const Ruleset& ruleset, const Catalogue& catalogue)
        : compiler_(catalogue, [this](std::string_view name) { return macro(name); }) {
        for (const RulesetInfo::Macro& m : ruleset.info().macros) macros_.emplace(m.name, m.tree.get());
    }

    Result<Explained> explain(const Node& tree, EventView& event) {
        if (expanded_size(tree, [this](std::string_view name) { return macro(name); }, max_nodes) > max_nodes)
            return Error{"The condition with its macros put in is too large to be shown."};
        Explained out = build(tree);
        program_ = compiler_.finish();
        Evaluator evaluator(*program_);
        Arena arena;
        evaluator.begin(event, arena);
        fill(out, true, evaluator, event, arena);
        return out;
    }

private:
    const Node* macro(std::string_view name) const {
        auto it = macros_.find(name);
        return it == macros_.end() ? nullptr : it->second;
    }

    Explained build(const Node& node) {
        Explained e;
        e.kind = node.kind;
        switch (node.kind) {
            case Node::Kind::all: e.text = "and"; break;
            case Node::Kind::any: e.text = "or"; break;
            case Node::Kind::negation: e.text = "not"; break;
            case Node::Kind::macro:
                e.text = node.name;
                if (const Node* inner = macro(node.name)) e.children.push_back(build(*inner));
                break;
            case Node::Kind::comparison: compile(node, e); break;
        }
        for (const auto& child : node.children) e.children.push_back(build(*child));
        return e;
    }

    // The condition compiled as a whole before, so its comparisons do.
    void compile(const Node& node, Explained& e) {
        e.text = print(node);
        auto compiled = compiler_.add_condition(node);
        if (auto* c = std::get_if<CompiledCondition>(&compiled)) compiled_.push_back(std::move(*c));
    }

    void fill(Explained& e, bool reached, Evaluator& evaluator, EventView& event, Arena& arena) {
        e.reached = reached;
        if (e.kind == Node::Kind::comparison) return fill_comparison(e, evaluator, event, arena);
        bool decided = false;
        const bool deciding = e.kind == Node::Kind::any;  // of a chain: the verdict that ends it
        for (Explained& child : e.children) {
            fill(child, reached && !decided, evaluator, event, arena);
            if (!decided) e.verdict = child.verdict;
            if (e.kind == Node::Kind::all || e.kind == Node::Kind::any) decided |= child.verdict == deciding;
        }
        if (e.kind == Node::Kind::negation) e.verdict = !e.verdict;
    }

    void fill_comparison(Explained& e, Evaluator& evaluator, EventView& event, Arena& arena) {
        const CompiledCondition& c = compiled_[next_++];
        e.verdict = evaluator.run(c.start);
        for (const uint32_t index : c.operations) {
            const Operation& op = program_->operations[index];
            if (op.kind != Operation::Kind::field) continue;
            const Value v = evaluator.value(index);
            Explained::Operand operand{op.field.text, "", v.exists()};
            if (v.exists()) {
                const Value shown = event.output_value(op.field, arena);
                operand.value = render_text(shown.exists() ? shown : v, arena);
                if (v.kind() == Value::Kind::text) operand.value = '"' + operand.value + '"';
            }
            e.operands.push_back(std::move(operand));
        }
    }

    std::map<std::string_view, const Node*> macros_;
    Compiler compiler_;
    std::shared_ptr<const Program> program_;
    std::vector<CompiledCondition> compiled_;  // of the comparisons, in the order of build() and fill()
    size_t next_ = 0;
};

void collect(const Explained& e, std::vector<const Explained*>& out) {
    if (!e.reached) return;
    if (e.kind == Node::Kind::comparison) {
        out.push_back(&e);
        return;
    }
    const bool chain = e.kind == Node::Kind::all || e.kind == Node::Kind::any;
    for (const Explained& child : e.children)
        if (!chain || child.verdict == e.verdict) collect(child, out);
}

}  // namespace

Result<Explained> explain_rule(const Ruleset& ruleset, const Rule& rule, const Catalogue& catalogue, EventView& event) {
    return Explainer(ruleset, catalogue).explain(*rule.tree, event);
}

std::vector<const Explained*> decisive(const Explained& tree) {
    std::vector<const Explained*> out;
    collect(tree, out);
    return out;
}

}  // namespace undercoat::rules
