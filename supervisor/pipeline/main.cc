// The supervisor program. Started by instrument; must not die of its input and must not hold up the workload.
#include "supervisor/outputs/engine.h"
#include "supervisor/pipeline/configure.h"
#include "supervisor/pipeline/options.h"
#include "supervisor/pipeline/pipeline.h"
#include "supervisor/pipeline/replay.h"

#include <csignal>
#include <cstdio>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace {

using namespace undercoat;

pipeline::Requests requests;

void on_hup(int) { requests.reload = true; }
void on_usr1(int) { requests.reopen = true; }
void on_term(int) { requests.stop = true; }

void say(const std::string& message) { std::fprintf(stderr, "undercoat: supervisor: %s\n", message.c_str()); }

// The workload must not read our memory; a descriptor for each of many rings; no signal of a closed pipe.
void prepare() {
    prctl(PR_SET_DUMPABLE, 0);
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    signal(SIGPIPE, SIG_IGN);
    struct sigaction action {};
    action.sa_handler = on_hup;
    sigaction(SIGHUP, &action, nullptr);
    action.sa_handler = on_usr1;
    sigaction(SIGUSR1, &action, nullptr);
    action.sa_handler = on_term;
    sigaction(SIGTERM, &action, nullptr);
}

actions::Severity least_severity(const std::string& log) {
    if (log == "error" || log == "silent") return actions::Severity::error;
    if (log == "warning") return actions::Severity::warning;
    return log == "info" ? actions::Severity::info : actions::Severity::debug;
}

std::string counters_text(const ingest::Counters& c) {
    uint64_t dropped = 0;
    for (const uint64_t n : c.ring_drops) dropped += n;
    const std::pair<const char*, uint64_t> all[] = {
        {"records", c.records}, {"malformed", c.malformed}, {"holes", c.holes}, {"quarantined", c.quarantined},
        {"refused_rings", c.refused_rings}, {"results_joined", c.results_joined}, {"results_missing", c.results_missing},
        {"results_late", c.results_late}, {"results_alone", c.results_alone}, {"order_unknown_ring", c.order_unknown_ring},
        {"order_given_up", c.order_given_up}, {"given_way", c.given_way}, {"ring_drops", dropped}};
    std::string s = "ingest:";
    for (const auto& [name, n] : all) s += std::string(" ") + name + "=" + std::to_string(n);
    return s;
}

// Lost events by reason. The names are part of the metrics' interface.
std::vector<std::pair<std::string, uint64_t>> lost_events(const ingest::Counters& c) {
    const auto ring = [&](wire::Drop d) { return c.ring_drops[static_cast<size_t>(d)]; };
    return {{"ring_full", ring(wire::Drop::ring_full)}, {"too_big", ring(wire::Drop::too_big)},
            {"reentered", ring(wire::Drop::reentered)}, {"no_clock", ring(wire::Drop::no_clock)},
            {"malformed", c.malformed},                 {"holes", c.holes},
            {"quarantined_rings", c.quarantined},       {"refused_rings", c.refused_rings}};
}

outputs::EngineSettings settings_of_run(const pipeline::SupervisorOptions& o, pipeline::Pipeline* running, const actions::Log& log) {
    outputs::EngineSettings s = pipeline::engine_settings(o, log);
    if (!running) return s;
    s.resumed = running->restarted();
    pipeline::add_forwarding(s, running->mode(), log);
    s.journal = running->alert_journal();
    s.drops = [running] {
        const ingest::Counters* c = running->ingest_counters();
        return c ? lost_events(*c) : std::vector<std::pair<std::string, uint64_t>>{};
    };
    return s;
}

}  // namespace

int main(int argc, char** argv) {
    prepare();
    const pipeline::SupervisorOptions options = pipeline::parse_options(argc, argv);
    if (options.help) {
        std::fputs(pipeline::help_text().c_str(), stdout);
        return 0;
    }
    for (const std::string& problem : options.problems) say(problem);
    pipeline::Settings settings;
    settings.state.host = options.host;
    settings.all_calls = !options.events.empty();
    settings.log = say;
    const auto log = [least = least_severity(options.log), silent = options.log == "silent"](actions::Severity severity,
                                                                                             const std::string& message) {
        if (!silent && severity <= least) say(message);
    };
    pipeline::Pipeline* running = nullptr;
    const auto make_sink = [&](state::State&) -> std::unique_ptr<state::Sink> {
        return std::make_unique<outputs::Engine>(settings_of_run(options, running, log), log);
    };
    if (!options.replay.empty()) {
        if (!options.problems.empty()) return 2;
        return pipeline::replay(options.replay, settings.state, make_sink, say);
    }
    if (options.agent_fd < 0) {
        say("Neither --agent-fd nor --replay was given; instrument starts this program.");
        return 2;
    }
    pipeline::Pipeline p(UniqueFd(options.agent_fd), settings);
    running = &p;
    const int status = p.run(make_sink, requests);
    if (const ingest::Counters* c = p.ingest_counters()) log(actions::Severity::debug, counters_text(*c));
    return status;
}
