// Events a second through the rule engine: engine_bench [--rounds N] RECORDING RULES...
//
// RECORDING holds ring records as real programs made them (recording.h). They go through rings, decoding and state, and
// through these and the rules, in turn and several times each; the medians of CPU time count, since this machine is not ours
// alone. The difference is what fields and rules cost. Separate rounds measure each event type and each rule by the time
// stamp counter. --once: one pass with the rules and nothing else, for a profiler that counts instructions.
#include "bench/engine/replayer.h"
#include "rules/ruleset/loader.h"
#include "supervisor/actions/rule_host.h"
#include "supervisor/fields/view.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <new>
#include <sys/resource.h>
#include <x86intrin.h>

namespace {
uint64_t allocations = 0;
}
// Counts the heap allocations of the whole program.
[[gnu::noinline]] void* operator new(size_t size) {
    ++allocations;
    if (void* p = std::malloc(size)) return p;
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, size_t) noexcept { std::free(p); }

namespace {

using namespace undercoat;
using bench::Replayer;
using bench::cpu_seconds;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }

struct Cost {
    uint64_t count = 0, matched = 0, allocated = 0;
    double ns = 0;
};

class Bench {
public:
    Bench(std::shared_ptr<const rules::Ruleset> set, const fields::FieldCatalogue& catalogue, Replayer replayer)
        : set_(std::move(set)), catalogue_(catalogue), replayer_(std::move(replayer)), wanted_(actions::interest_of(*set_).calls) {
        wanted_ |= state::calls_needed(wanted_);
        calibrate();
    }

    // Calls each(view) for every event, between apply and finish. Returns the CPU seconds of it all.
    template <class Each>
    double round(Each each, size_t* events = nullptr) {
        state::Options options;
        options.read_proc = false;
        state::State state(options);
        fields::Surroundings surroundings;
        fields::View view(catalogue_, state, surroundings);
        return replayer_.run(wanted_, [&](event::Event& e) {
            state.apply(e);
            if (e.has_type()) {
                view.set(e);
                each(view);
                if (events) ++*events;
            }
            state.finish();
        });
    }

    double state_only(size_t* events = nullptr) {
        return round([](fields::View&) {}, events);
    }
    double with_rules(rules::Matching matching, uint64_t* matched = nullptr, uint64_t* allocated = nullptr,
                      uint64_t* quiet = nullptr) {
        rules::RuleMatcher matcher(set_);
        rules::Arena arena;
        // The first event of each type makes the plan of its rules.
        if (allocated) round([&](fields::View& view) { matcher.match(view, arena, matching, [](const rules::Rule&) {}); });
        return round([&](fields::View& view) {
            const uint64_t before = allocations;
            const size_t n = matcher.match(view, arena, matching, [](const rules::Rule&) {});
            if (matched) *matched += n;
            if (n == 0 && allocated) *allocated += allocations - before, ++*quiet;
        });
    }

    std::map<std::string, Cost> by_type() {
        std::map<std::string, Cost> costs;
        rules::RuleMatcher matcher(set_);
        rules::Arena arena;
        round([&](fields::View& view) { matcher.match(view, arena, rules::Matching::all, [](const rules::Rule&) {}); });
        round([&](fields::View& view) {
            const uint64_t before = allocations, from = __rdtsc();
            const size_t n = matcher.match(view, arena, rules::Matching::all, [](const rules::Rule&) {});
            const unsigned long long ticks = __rdtsc() - from, allocated = allocations - before;
            Cost& c = costs[event::kEvents[view.type()].name];
            add(c, ticks, n);
            c.allocated += allocated;
        });
        return costs;
    }

    // Each rule as if it were the only one: nothing that another has computed is used.
    std::map<std::string, Cost> by_rule() {
        std::map<std::string, Cost> costs;
        rules::Evaluator evaluator(set_->program());
        rules::Arena arena;
        round([&](fields::View& view) {
            for (const uint32_t index : set_->rules_for(view.type())) {
                const rules::Rule& rule = set_->rules()[index];
                arena.reset();
                evaluator.begin(view, arena);
                const uint64_t before = allocations, from = __rdtsc();
                const bool matched = evaluator.run(rule.start);
                const unsigned long long ticks = __rdtsc() - from, allocated = allocations - before;
                Cost& c = costs[rule.name];
                add(c, ticks, matched);
                c.allocated += allocated;
            }
        });
        return costs;
    }

private:
    void calibrate() {
        const auto begin = Clock::now();
        const uint64_t from = __rdtsc();
        while (seconds_since(begin) < 0.05) {}
        ticks_per_ns_ = static_cast<double>(__rdtsc() - from) / (seconds_since(begin) * 1e9);
        overhead_ = ~0ull;
        for (int i = 0; i < 1000; ++i) {
            const unsigned long long t = __rdtsc();
            overhead_ = std::min(overhead_, __rdtsc() - t);
        }
    }
    void add(Cost& c, unsigned long long ticks, uint64_t matched) {
        const double ns = static_cast<double>(ticks - std::min(ticks, overhead_)) / ticks_per_ns_;
        if (ns > 100'000) return;  // somebody else had the processor
        ++c.count, c.matched += matched, c.ns += ns;
    }

    std::shared_ptr<const rules::Ruleset> set_;
    const fields::FieldCatalogue& catalogue_;
    Replayer replayer_;
    ingest::CallSet wanted_;
    double ticks_per_ns_ = 1;
    unsigned long long overhead_ = 0;
};

void print_costs(const char* title, const std::map<std::string, Cost>& costs, size_t most) {
    std::vector<std::pair<std::string, Cost>> sorted(costs.begin(), costs.end());
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second.ns > b.second.ns; });
    std::printf("\n%-72s %9s %9s %9s %9s\n", title, "times", "ns each", "matched", "allocated");
    for (size_t i = 0; i < std::min(most, sorted.size()); ++i) {
        const auto& [name, c] = sorted[i];
        std::printf("%-72s %9lu %9.0f %9lu %9lu\n", name.c_str(), c.count,
                    c.ns / static_cast<double>(std::max<uint64_t>(c.count, 1)), c.matched, c.allocated);
    }
}

long resident_kib() {
    rusage u{};
    getrusage(RUSAGE_SELF, &u);
    return u.ru_maxrss;
}

int usage() {
    std::fputs("usage: engine_bench [--rounds N | --once] RECORDING RULES...\n", stderr);
    return 2;
}

struct Median {
    std::vector<double> all;
    void add(double v) { all.push_back(v); }
    double get() {
        std::sort(all.begin(), all.end());
        return all[all.size() / 2];
    }
};

void line(const char* what, double ns) { std::printf("%-34s %8.0f ns an event  %10.0f events/s\n", what, ns, 1e9 / ns); }

void measure(Bench& bench, int rounds) {
    Median state, all, first_match;
    size_t events = 0;
    bench.state_only(&events);
    for (int i = 0; i < rounds; ++i) {
        state.add(bench.state_only());
        all.add(bench.with_rules(rules::Matching::all));
        first_match.add(bench.with_rules(rules::Matching::first));
    }
    uint64_t matched = 0, allocated = 0, quiet = 0;
    bench.with_rules(rules::Matching::all, &matched, &allocated, &quiet);
    const double n = static_cast<double>(events) / 1e9;
    std::printf("%zu events, medians of %d rounds of CPU time\n", events, rounds);
    line("from ring to state", state.get() / n);
    line("from ring to verdict", all.get() / n);
    line("fields and rules", (all.get() - state.get()) / n);
    line("the same, first match only", (first_match.get() - state.get()) / n);
    std::printf("alerts %lu; heap allocations by rules on the %lu events without alert: %lu\n", matched, quiet, allocated);
    print_costs("event type", bench.by_type(), 25);
    print_costs("rule, as if it were the only one", bench.by_rule(), 100);
}

}  // namespace

int main(int argc, char** argv) {
    int first = 1, rounds = 15;
    const bool once = argc > 1 && std::strcmp(argv[1], "--once") == 0;
    if (once) rounds = 0, first = 2;
    if (argc > 2 && std::strcmp(argv[1], "--rounds") == 0) rounds = std::max(1, std::atoi(argv[2])), first = 3;
    if (argc < first + 2) return usage();
    auto recording = Replayer::read(argv[first]);
    if (!recording) return std::fprintf(stderr, "%s\n", recording.error().c_str()), 1;
    const fields::FieldCatalogue catalogue;
    std::vector<rules::RulesFile> files;
    for (int i = first + 1; i < argc; ++i) {
        auto file = rules::read_rules_file(argv[i]);
        if (!file) return std::fprintf(stderr, "%s\n", file.error().c_str()), 1;
        files.push_back(std::move(*file));
    }
    Median load;
    rules::LoadResult loaded;
    const long before_rules = resident_kib();
    for (int i = 0; i < (once ? 1 : std::max(5, rounds)); ++i) {
        const double begin = cpu_seconds();
        loaded = rules::load_rules(files, catalogue);
        load.add(cpu_seconds() - begin);
    }
    if (!loaded.ok()) return std::fprintf(stderr, "the rules do not load; see `undercoat rules check`\n"), 1;
    std::printf("%zu rules; loading them takes %.1f ms of CPU time and %ld KiB at the peak\n", loaded.ruleset->rules().size(),
                load.get() * 1e3, resident_kib() - before_rules);
    Bench engine(loaded.ruleset, catalogue, std::move(*recording));
    if (once) engine.with_rules(rules::Matching::all);
    else measure(engine, rounds);
    return 0;
}
