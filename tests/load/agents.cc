// Many agents in one process, each the real forwarder with a spool of its own: `agents DIRECTORY AGENTS ALERTS PAUSE_US SECONDS`.
// Where they report is said by the variables of an agent. Each makes its alerts with that pause between them and then waits until
// everything is acknowledged, SECONDS at most. Prints one line of JSON: alerts taken, acknowledged, and dropped by name.
//
// Must stay true: an alert is some 500 bytes of which 150 cannot be compressed away; its output is "AGENT NUMBER", so that each can be found again; severities go round.
#include "supervisor/forward/forwarder.h"
#include "supervisor/forward/settings.h"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>

namespace {

using namespace undercoat;
using Clock = std::chrono::steady_clock;

uint64_t count_of(const outputs::AlertTap::Counts& counts, const std::string& name) {
    for (const auto& [n, value] : counts)
        if (n == name) return value;
    return 0;
}

void make_alerts(forward::Forwarder& forwarder, const std::string& name, unsigned alerts, std::chrono::microseconds pause) {
    std::mt19937 random(std::random_device{}());
    for (unsigned i = 0; i < alerts; ++i) {
        std::string noise(200, ' ');
        for (char& c : noise) c = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[random() % 64];
        const std::string fields = R"({"proc.name":"load","proc.cmdline":"load --with )" + noise + R"("})", message = name + " " + std::to_string(i);
        timespec now{};
        ::clock_gettime(CLOCK_REALTIME, &now);
        outputs::TappedAlert a;
        a.ts = static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
        a.severity = i % 8;
        a.rule = "Load", a.source = "syscall", a.hostname = name, a.message = message;
        a.fields = fields;
        a.context = "{}";
        forwarder.take(a);
        // The engine's way of waiting: what the spool has not taken yet holds nothing up, but this loop is faster than any workload.
        while (forwarder.safe() + 2000 < forwarder.taken()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        if (pause.count() > 0) std::this_thread::sleep_for(pause);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 6) return std::fputs("agents DIRECTORY AGENTS ALERTS PAUSE_US SECONDS\n", stderr), 2;
    const std::string directory = argv[1];
    const unsigned agents = static_cast<unsigned>(std::atoi(argv[2])), alerts = static_cast<unsigned>(std::atoi(argv[3]));
    outputs::CollectorSettings settings;
    std::vector<std::string> problems;
    forward::apply_environment(settings, {}, [](const char* name) -> const char* { return std::getenv(name); }, problems);
    if (!problems.empty() || settings.host.empty()) return std::fputs("set UNDERCOAT_COLLECTOR or UNDERCOAT_ORCHESTRATOR\n", stderr), 2;
    settings.linger = std::chrono::milliseconds(0);
    std::vector<std::unique_ptr<forward::Forwarder>> all;
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < agents; ++i) {
        const std::string name = "load-" + std::to_string(i);
        settings.spool = directory + "/" + name;
        settings.agent_id = name;
        auto started = forward::Forwarder::start(settings, {"load", name, "full", {}, false}, [name](bool trouble, const std::string& m) {
            if (trouble) std::fprintf(stderr, "%s: %s\n", name.c_str(), m.c_str());
        });
        if (!started) return std::fprintf(stderr, "%s\n", started.error().c_str()), 2;
        (*started)->begin("none");
        all.push_back(std::move(*started));
    }
    for (unsigned i = 0; i < agents; ++i)
        threads.emplace_back([&, i] { make_alerts(*all[i], "load-" + std::to_string(i), alerts, std::chrono::microseconds(std::atoi(argv[4]))); });
    for (auto& t : threads) t.join();
    std::fputs("made\n", stdout);
    std::fflush(stdout);
    const auto end = Clock::now() + std::chrono::seconds(std::atoi(argv[5]));
    std::map<std::string, uint64_t> total;
    for (auto& f : all) {
        while ((f->safe() < f->taken() || count_of(f->counters(), "forward_waiting") > 0) && Clock::now() < end)
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        total["taken"] += f->taken();
        for (const auto& [name, value] : f->counters()) total[name] += value;
    }
    std::string line;
    for (const auto& [name, value] : total) line += (line.empty() ? "{\"" : ", \"") + name + "\": " + std::to_string(value);
    std::printf("%s}\n", line.c_str());
    return 0;
}
