// The compiled evaluator against the slow one, on random conditions and events. ORACLE_PAIRS says on how many,
// ORACLE_SEED where to begin. Conditions that belong together are compiled into one program, so that they share checks,
// operands and macros.
#include "rules/lang/parser.h"
#include "rules/lang/printer.h"
#include "rules/vm/compile.h"
#include "rules/vm/eval.h"
#include "tests/oracle/generator.h"
#include "tests/oracle/slow_evaluator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>

namespace undercoat::oracle {
namespace {

using namespace rules;

uint64_t from_environment(const char* name, uint64_t standard) {
    const char* v = std::getenv(name);
    return v ? std::strtoull(v, nullptr, 10) : standard;
}

struct Program {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> macros;
    struct Condition {
        std::string text;
        std::unique_ptr<Node> tree;
        CompiledCondition compiled;
    };
    std::vector<Condition> conditions;
    std::shared_ptr<const rules::Program> program;

    const Node* macro(std::string_view name) const {
        auto it = macros.find(name);
        return it == macros.end() ? nullptr : it->second.get();
    }
};

std::unique_ptr<Node> parsed(const std::string& text) {
    auto r = parse_condition(text);
    if (const auto* e = std::get_if<ParseError>(&r)) ADD_FAILURE() << text << ": " << e->message;
    return std::holds_alternative<ParseError>(r) ? nullptr : std::move(std::get<std::unique_ptr<Node>>(r));
}

bool compiles(const Node& tree, const Catalogue& catalogue, const Program& p) {
    Compiler alone(catalogue, [&](std::string_view name) { return p.macro(name); });
    return std::holds_alternative<CompiledCondition>(alone.add_condition(tree));
}

// Up to three macros and six conditions, those that the compiler accepts; `refused` counts the others.
Program make_program(Generator& g, const Catalogue& catalogue, size_t& refused) {
    Program p;
    for (unsigned i = 0; i < 3;) {
        auto tree = parsed(g.condition(2, i));
        if (!tree) break;
        if (!compiles(*tree, catalogue, p)) {
            ++refused;
            continue;
        }
        p.macros["m" + std::to_string(i++)] = std::move(tree);
    }
    Compiler compiler(catalogue, [&](std::string_view name) { return p.macro(name); });
    for (unsigned i = 0; i < 6; ++i) {
        std::string text = g.condition(3, static_cast<unsigned>(p.macros.size()));
        auto tree = parsed(text);
        if (!tree) break;
        auto compiled = compiler.add_condition(*tree);
        if (auto* c = std::get_if<CompiledCondition>(&compiled))
            p.conditions.push_back({std::move(text), std::move(tree), std::move(*c)});
        else
            ++refused;
    }
    p.program = compiler.finish();
    return p;
}

// Which of all conditions hold, as rules are matched: by the plan for the event's type, made of its first event.
std::vector<uint32_t> planned_matches(const Program& p, const EventView& event, Evaluator& evaluator,
                                      std::optional<Evaluator::Prepared>& plan) {
    if (!plan) {
        std::vector<PlannedCondition> conditions;
        for (uint32_t i = 0; i < p.conditions.size(); ++i)
            if (p.conditions[i].compiled.event_types.contains(event.type())) conditions.push_back({p.conditions[i].compiled.formula, i});
        plan = evaluator.prepare(conditions);
    }
    std::vector<uint32_t> matched;
    evaluator.run(*plan, matched);
    return matched;
}

TEST(Oracle, TheCompiledEvaluatorAgrees) {
    const uint64_t wanted = from_environment("ORACLE_PAIRS", 200'000), seed = from_environment("ORACLE_SEED", 1);
    const auto catalogue = make_catalogue();
    Generator g(seed);
    uint64_t pairs = 0, held = 0, differences = 0;
    size_t refused = 0, conditions = 0;
    while (pairs < wanted && differences < 5) {
        const Program p = make_program(g, *catalogue, refused);
        conditions += p.conditions.size();
        Evaluator evaluator(*p.program);
        std::map<EventTypeId, std::optional<Evaluator::Prepared>> plans;
        Arena arena;
        const MacroLookup macros = [&](std::string_view name) { return p.macro(name); };
        for (unsigned i = 0; i < 12; ++i) {
            test::TestEvent event = g.event();
            arena.reset();
            evaluator.begin(event, arena);
            const std::vector<uint32_t> planned = planned_matches(p, event, evaluator, plans[event.type()]);
            for (const Program::Condition& c : p.conditions) {
                const bool expected = slow_verdict(*c.tree, macros, *catalogue, event);
                // A rule is only run on events of the types that its condition was found to need.
                const bool got = c.compiled.event_types.contains(event.type()) && evaluator.run(c.compiled.start);
                const auto number = static_cast<uint32_t>(&c - p.conditions.data());
                const bool by_plan = std::find(planned.begin(), planned.end(), number) != planned.end();
                ++pairs, held += expected;
                if (got == expected && by_plan == expected) continue;
                ++differences;
                std::string about = c.text;
                for (const auto& [name, tree] : p.macros) about += "\n  " + name + ": " + print(*tree);
                ADD_FAILURE() << "the oracle says " << expected << ", the evaluator " << got << ", the plan " << by_plan << ", event types "
                              << c.compiled.event_types.contains(event.type()) << ", program " << conditions << ":\n"
                              << about;
            }
        }
    }
    std::cout << pairs << " pairs of " << conditions << " conditions compared, " << held << " held, " << refused
              << " conditions refused by the compiler\n";
    // Neither verdict is rare, and most conditions compile: else this compares nothing.
    EXPECT_GT(held, pairs / 10);
    EXPECT_LT(held, pairs * 9 / 10);
    EXPECT_GT(conditions, refused / 2);
}

}  // namespace
}  // namespace undercoat::oracle
