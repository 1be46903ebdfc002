// Events a second through the rule engine: engine_bench [--rounds N] EVENTS RULES...
//
// EVENTS is an event log (--events FILE). Its events are read first; then they go through the state alone, and through
// the state and the rules, several times each; of each the fastest round counts, since this machine is not ours alone.
// The difference is what the rules cost. Separate rounds measure each event type and each rule by the time stamp
// counter.
#include "rules/ruleset/loader.h"
#include "supervisor/event/json.h"
#include "supervisor/fields/view.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
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
using Clock = std::chrono::steady_clock;
constexpr size_t kMostEvents = 60'000;  // each is kept decoded

double seconds_since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }

std::vector<std::unique_ptr<event::Event>> read_events(const char* path) {
    std::vector<std::unique_ptr<event::Event>> events;
    std::ifstream in(path);
    for (std::string line; events.size() < kMostEvents && std::getline(in, line);) {
        auto e = std::make_unique<event::Event>();
        if (!event::parse_json(line, *e)) continue;
        e->num = events.size() + 1;
        events.push_back(std::move(e));
    }
    return events;
}

struct Cost {
    uint64_t count = 0, matched = 0, allocated = 0;
    double ns = 0;
};

class Bench {
public:
    Bench(std::shared_ptr<const rules::Ruleset> set, const fields::FieldCatalogue& catalogue,
          std::vector<std::unique_ptr<event::Event>> events)
        : set_(std::move(set)), catalogue_(catalogue), events_(std::move(events)) {
        calibrate();
    }
    size_t size() const { return events_.size(); }

    // Calls each(view) for every event, between apply and finish. Returns the seconds of it all.
    template <class Each>
    double round(Each each) {
        state::Options options;
        options.read_proc = false;
        state::State state(options);
        fields::Surroundings surroundings;
        fields::View view(catalogue_, state, surroundings);
        const auto begin = Clock::now();
        for (const auto& e : events_) {
            state.apply(*e);
            if (e->has_type()) {
                view.set(*e);
                each(view);
            }
            state.finish();
        }
        return seconds_since(begin);
    }

    double state_only() {
        return round([](fields::View&) {});
    }
    double with_rules(rules::Matching matching, uint64_t* matched = nullptr, uint64_t* allocated = nullptr,
                      uint64_t* quiet = nullptr) {
        rules::RuleMatcher matcher(set_);
        rules::Arena arena;
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

    // In the order of the rules, so that what several share is on the first one's account.
    std::map<std::string, Cost> by_rule() {
        std::map<std::string, Cost> costs;
        rules::Evaluator evaluator(set_->program());
        rules::Arena arena;
        round([&](fields::View& view) {
            arena.reset();
            evaluator.begin(view, arena);
            for (const uint32_t index : set_->rules_for(view.type())) {
                const rules::Rule& rule = set_->rules()[index];
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
    std::vector<std::unique_ptr<event::Event>> events_;
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
    std::fputs("usage: engine_bench [--rounds N] EVENTS RULES...\n", stderr);
    return 2;
}

}  // namespace

int main(int argc, char** argv) {
    int first = 1, rounds = 15;
    if (argc > 2 && std::strcmp(argv[1], "--rounds") == 0) rounds = std::max(1, std::atoi(argv[2])), first = 3;
    if (argc < first + 2) return usage();
    const fields::FieldCatalogue catalogue;
    std::vector<rules::RulesFile> files;
    for (int i = first + 1; i < argc; ++i) {
        auto file = rules::read_rules_file(argv[i]);
        if (!file) return std::fprintf(stderr, "%s\n", file.error().c_str()), 1;
        files.push_back(std::move(*file));
    }
    double load = 1e9;
    rules::LoadResult loaded;
    const long before_rules = resident_kib();
    for (int i = 0; i < 5; ++i) {
        const auto begin = Clock::now();
        loaded = rules::load_rules(files, catalogue);
        load = std::min(load, seconds_since(begin));
    }
    if (!loaded.ok()) return std::fprintf(stderr, "the rules do not load; see `undercoat rules check`\n"), 1;
    const long after_rules = resident_kib();
    Bench bench(loaded.ruleset, catalogue, read_events(argv[first]));
    if (bench.size() == 0) return std::fprintf(stderr, "%s holds no events\n", argv[first]), 1;
    double state = 1e9, all = 1e9, first_match = 1e9;
    for (int i = 0; i < rounds; ++i) {
        state = std::min(state, bench.state_only());
        all = std::min(all, bench.with_rules(rules::Matching::all));
        first_match = std::min(first_match, bench.with_rules(rules::Matching::first));
    }
    uint64_t matched = 0, allocated = 0, quiet = 0;
    bench.with_rules(rules::Matching::all, &matched, &allocated, &quiet);
    const double n = static_cast<double>(bench.size());
    std::printf("%zu rules, %zu events, best of %d rounds\n", loaded.ruleset->rules().size(), bench.size(), rounds);
    std::printf("load all rules              %8.1f ms, %ld KiB more resident at the peak\n", load * 1e3,
                after_rules - before_rules);
    std::printf("state alone                 %8.0f ns an event\n", state / n * 1e9);
    std::printf("state, fields and rules     %8.0f ns an event  %10.0f events/s\n", all / n * 1e9, n / all);
    std::printf("fields and rules            %8.0f ns an event  %10.0f events/s\n", (all - state) / n * 1e9,
                n / (all - state));
    std::printf("the same, first match only  %8.0f ns an event  %10.0f events/s\n", (first_match - state) / n * 1e9,
                n / (first_match - state));
    std::printf("alerts %lu; heap allocations by rules on the %lu events without alert: %lu\n", matched, quiet,
                allocated);
    print_costs("event type", bench.by_type(), 25);
    print_costs("rule (what rules share is on the first one's account)", bench.by_rule(), 25);
    return 0;
}
