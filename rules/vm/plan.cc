// Makes plans, see plan.h: first the graph for one type, with equal parts joined, then the steps.
#include "rules/vm/plan.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <unordered_map>

namespace undercoat::rules {
namespace {

constexpr size_t kMostConjuncts = 64;    // of one condition; more stay in one part
constexpr size_t kMostTogether = 128;    // conditions among which shared parts are looked for

// The graph of the conditions on one type. Nodes 0 and 1 are the constants.
class Graph {
public:
    struct Node {
        Formula::Kind kind;
        uint32_t check = 0;
        std::vector<uint32_t> children = {};
        uint32_t uses = 0;
        uint64_t cost = 0;
    };
    static constexpr uint32_t no = 0, yes = 1;

    Graph(const Program& program, const std::function<bool(uint32_t)>& verdict) : program_(program), verdict_(verdict), nodes_(2) {}

    const Node& operator[](uint32_t node) const { return nodes_[node]; }
    size_t size() const { return nodes_.size(); }

    uint32_t of(uint32_t formula) {
        if (const auto known = known_.find(formula); known != known_.end()) return known->second;
        const uint32_t node = make(program_.formulas[formula]);
        known_.emplace(formula, node);
        return node;
    }

    // Counts in how many places each node stands, below these roots.
    void count(uint32_t node) {
        const bool first = node > yes && nodes_[node].uses++ == 0;
        if (first || nodes_[node].kind == Formula::Kind::negation)
            for (const uint32_t child : nodes_[node].children) count(child);
    }

private:
    uint32_t make(const Formula& f) {
        if (f.kind == Formula::Kind::check) {
            if (program_.checks[f.check].by_type) return verdict_(f.check) ? yes : no;
            return add({f.kind, f.check});
        }
        if (f.kind == Formula::Kind::negation) {
            const uint32_t inner = of(f.children.front());
            if (inner <= yes) return inner == yes ? no : yes;
            if (nodes_[inner].kind == Formula::Kind::negation) return nodes_[inner].children.front();
            return add({f.kind, 0, {inner}});
        }
        return chain(f);
    }

    uint32_t chain(const Formula& f) {
        const uint32_t neutral = f.kind == Formula::Kind::all ? yes : no;
        std::vector<uint32_t> children;
        const auto put = [&](uint32_t child) {
            if (child != neutral && std::find(children.begin(), children.end(), child) == children.end()) children.push_back(child);
        };
        for (const uint32_t c : f.children) {
            const uint32_t child = of(c);
            if (child <= yes && child != neutral) return child;
            const bool flat = child > yes && nodes_[child].kind == f.kind &&
                              children.size() + nodes_[child].children.size() <= kMostConjuncts;
            if (!flat) put(child);
            else for (const uint32_t inner : std::vector<uint32_t>(nodes_[child].children)) put(inner);
        }
        if (children.empty()) return neutral;
        if (children.size() == 1) return children.front();
        std::stable_sort(children.begin(), children.end(),
                         [this](uint32_t a, uint32_t b) { return nodes_[a].cost < nodes_[b].cost; });
        return add({f.kind, 0, std::move(children)});
    }

    uint32_t add(Node node) {
        auto& same = index_[{node.kind, node.check, node.children}];
        if (same != 0) return same;
        node.cost = cost_of(node);
        nodes_.push_back(std::move(node));
        return same = static_cast<uint32_t>(nodes_.size() - 1);
    }

    // In no unit: what is dear comes last. Of a chain often not all is evaluated.
    uint64_t cost_of(const Node& node) const {
        constexpr uint64_t most = 1'000'000;
        uint64_t sum = 0;
        for (const uint32_t child : node.children) sum = std::min(most, sum + nodes_[child].cost);
        return node.kind == Formula::Kind::check ? cost_of(program_.checks[node.check]) : sum;
    }

    uint64_t cost_of(const Check& check) const {
        const Operation& left = program_.operations[check.left];
        const uint64_t one = left.kind == Operation::Kind::field && check.mode == MatchMode::scalar && !left.is_list ? 0 : 20;
        switch (check.form) {
            case Check::Form::boolean_eq:
            case Check::Form::number_eq:
            case Check::Form::number_order: return 1 + one;
            case Check::Form::text_eq:
            case Check::Form::text_ne:
            case Check::Form::text_in: return 2 + one;
            case Check::Form::starts:
            case Check::Form::ends: return 3 + one;
            case Check::Form::contains: return 6 + one;
            case Check::Form::glob: return 8 + one;
            case Check::Form::any: break;
        }
        const uint64_t of_each = check.op == Operator::regex ? 40 : check.op == Operator::exists ? 1 : 8;
        return one + of_each * std::max<size_t>(1, is_list_operator(check.op) ? 1 : check.values.size());
    }

    using Key = std::tuple<Formula::Kind, uint32_t, std::vector<uint32_t>>;
    const Program& program_;
    const std::function<bool(uint32_t)>& verdict_;
    std::vector<Node> nodes_;
    std::map<Key, uint32_t> index_;
    std::unordered_map<uint32_t, uint32_t> known_;
};

// A condition with the parts of its conjunction that are not yet known to hold.
struct Open {
    std::vector<uint32_t> parts;
    uint32_t number;
};

// Writes the steps. Where a step goes that is not written yet stands in lists of places ("exits") until it is.
class Writer {
public:
    explicit Writer(const Graph& graph) : graph_(graph) {}

    Plan write(std::vector<Open> conditions) {
        for (size_t at = 0; at < conditions.size(); at += kMostTogether) {
            const size_t end = std::min(conditions.size(), at + kMostTogether);
            group({conditions.begin() + static_cast<std::ptrdiff_t>(at), conditions.begin() + static_cast<std::ptrdiff_t>(end)});
        }
        add({Step::Op::end});
        for (size_t i = 0; i < parts_.size(); ++i) {  // parts may ask for further ones
            plan_.part_start.push_back(here());
            Exits exits = test(parts_[i], true);
            land(exits.yes);
            add({Step::Op::hold});
            land(exits.no);
            add({Step::Op::fail});
        }
        return std::move(plan_);
    }

private:
    struct Place {
        uint32_t step;
        bool yes;
    };
    struct Exits {
        std::vector<Place> yes, no;
    };

    uint32_t here() const { return static_cast<uint32_t>(plan_.steps.size()); }
    uint32_t add(Step step) {
        plan_.steps.push_back(step);
        return here() - 1;
    }
    // What leaves at these places goes on at the next step.
    void land(const std::vector<Place>& places) {
        for (const Place& p : places) (p.yes ? plan_.steps[p.step].yes : plan_.steps[p.step].no) = here();
    }

    // Decides all of them and falls through behind.
    void group(std::vector<Open> conditions) {
        std::map<uint32_t, size_t> times;  // in how many of them a part stands
        for (const Open& c : conditions)
            for (const uint32_t part : c.parts) ++times[part];
        while (const std::optional<uint32_t> shared = most_shared(times)) {
            std::vector<Open> with, without;
            for (Open& c : conditions) {
                const auto at = std::find(c.parts.begin(), c.parts.end(), *shared);
                if (at == c.parts.end()) {
                    without.push_back(std::move(c));
                    continue;
                }
                for (const uint32_t part : c.parts) --times[part];
                c.parts.erase(at);
                with.push_back(std::move(c));
            }
            const Exits exits = test(*shared);
            land(exits.yes);
            group(std::move(with));
            land(exits.no);
            conditions = std::move(without);
        }
        for (const Open& c : conditions) {
            std::vector<Place> failed;
            for (const uint32_t part : c.parts) {
                const Exits exits = test(part);
                failed.insert(failed.end(), exits.no.begin(), exits.no.end());
                land(exits.yes);
            }
            const uint32_t match = add({Step::Op::match, c.number});
            plan_.steps[match].yes = here();
            land(failed);
        }
    }

    std::optional<uint32_t> most_shared(const std::map<uint32_t, size_t>& times) const {
        std::optional<uint32_t> best;
        size_t most = 1;
        for (const auto& [part, n] : times) {
            if (n < 2 || n < most || (best && n == most && graph_[part].cost >= graph_[*best].cost)) continue;
            best = part, most = n;
        }
        return best;
    }

    // Steps that decide the node. whole: the node's own steps, also if others call it as a part.
    Exits test(uint32_t node, bool whole = false) {
        const Graph::Node& n = graph_[node];
        if (n.kind == Formula::Kind::check) {
            const uint32_t at = add({n.uses > 1 ? Step::Op::shared : Step::Op::test, n.check});
            return {{{at, true}}, {{at, false}}};
        }
        if (n.kind == Formula::Kind::negation) {
            Exits inner = test(n.children.front());
            return {std::move(inner.no), std::move(inner.yes)};
        }
        if (n.uses > 1 && !whole) {
            const uint32_t at = add({Step::Op::part, part(node)});
            return {{{at, true}}, {{at, false}}};
        }
        const bool all = n.kind == Formula::Kind::all;
        Exits out;
        for (size_t i = 0; i < n.children.size(); ++i) {
            const Exits exits = test(n.children[i]);
            const bool last = i + 1 == n.children.size();
            const auto &early = all ? exits.no : exits.yes, &late = all ? exits.yes : exits.no;
            auto &out_early = all ? out.no : out.yes, &out_late = all ? out.yes : out.no;
            out_early.insert(out_early.end(), early.begin(), early.end());
            if (last) out_late = late;
            else land(late);
        }
        return out;
    }

    uint32_t part(uint32_t node) {
        const auto [it, is_new] = part_of_.try_emplace(node, static_cast<uint32_t>(parts_.size()));
        if (is_new) parts_.push_back(node);
        return it->second;
    }

    const Graph& graph_;
    Plan plan_;
    std::vector<uint32_t> parts_;  // their nodes
    std::unordered_map<uint32_t, uint32_t> part_of_;
};

}  // namespace

Plan make_plan(const Program& program, std::span<const PlannedCondition> conditions,
               const std::function<bool(uint32_t check)>& verdict) {
    Graph graph(program, verdict);
    std::vector<Open> open;
    for (const PlannedCondition& c : conditions) {
        const uint32_t root = graph.of(c.formula);
        if (root == Graph::no) continue;
        const bool is_all = root != Graph::yes && graph[root].kind == Formula::Kind::all &&
                            graph[root].children.size() <= kMostConjuncts;
        Open parts{root == Graph::yes ? std::vector<uint32_t>() : is_all ? graph[root].children : std::vector<uint32_t>{root}, c.number};
        for (const uint32_t part : parts.parts) graph.count(part);
        open.push_back(std::move(parts));
    }
    return Writer(graph).write(std::move(open));
}

}  // namespace undercoat::rules
