// Agents for script/bench collector, far cheaper than real ones: without a workload, an engine and a spool.
//
//   load alerts AGENTS ALERTS ROUNDS SPREAD_S   each round, ALERTS of all agents together are made, then sent as fast as they are taken;
//                                               a line for each round: {"alerts": N, "seconds": S}; S ends with the last acknowledgement.
//                                               Their times are those at which they are made, or, with SPREAD_S, so many seconds up to now.
//   load idle AGENTS                            connects them, prints "connected", then beats and answers pings until its input ends
//
// Where they report is said by the variables of an agent. Must stay true: what they say is what agents say, in batches of their size.
// Making and compressing alerts, which many machines share in truth, is no part of the measured time; this side's TLS is.
#include "bench/collector/made_alert.h"
#include "uplink/connection.h"

#include <poll.h>
#include <unistd.h>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <thread>

namespace {

using namespace undercoat;
using uplink::Clock;

constexpr size_t kBatch = 128 << 10;  // bytes of alerts, as the forwarder has it
constexpr auto kPatience = std::chrono::minutes(10);

uint64_t now_ns() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

class Agent : public uplink::Speaker {
public:
    Agent(const uplink::Settings& settings, unsigned number) : number_(number), name_("bench-" + std::to_string(number)), epoch_(now_ns()) {
        auto made = uplink::Connection::make(settings, "alerts", [name = name_](bool trouble, const std::string& what) {
            static std::atomic<unsigned> said{0};  // one broken server would be told of by everybody
            if (trouble && ++said <= 5) std::fprintf(stderr, "%s: %s\n", name.c_str(), what.c_str());
        });
        if (!made) throw std::runtime_error(made.error());
        connection_ = std::move(*made);
    }

    bool connected() const { return connection_->welcomed(); }
    void turn(Clock::time_point until) { connection_->turn(*this, until); }

    // Makes the frames of the next `count` alerts, the first at `from` and each `step` after the one before.
    void make(uint64_t count, uint64_t from, uint64_t step) {
        frames_.clear();
        std::string alerts;
        for (uint64_t i = 0; i < count; ++i) {
            alerts += remote::encode_alert(bench::made_alert(number_, made_++, from + i * step));
            if (alerts.size() < kBatch && i + 1 < count) continue;
            auto frame = connection_->codec().encode_batch(name_, epoch_, 0, alerts);
            if (!frame) throw std::runtime_error(frame.error());
            frames_.push_back({std::move(*frame), made_});
            alerts.clear();
        }
        sent_ = 0;
    }
    void deliver(Clock::time_point end) {
        while (!frames_.empty() && Clock::now() < end) turn(Clock::now() + std::chrono::seconds(1));
        if (!frames_.empty()) throw std::runtime_error(name_ + ": not everything was acknowledged in time");
    }

    void greet() override {
        remote::Hello hello;
        hello.version = "bench", hello.hostname = "task-" + std::to_string(number_), hello.mode = "full", hello.rules_version = "0123456789abcdef";
        hello.tags = {"team:bench", "stage:test", "service:made"};
        hello.platform = {{"kernel", "6.1.0-18-cloud-amd64"}, {"machine", "x86_64"}, {"distribution", "Debian GNU/Linux 12 (bookworm)"},
                          {"aws.execution_env", "AWS_ECS_FARGATE"}, {"aws.region", "eu-central-1"},
                          {"ecs.metadata", "http://169.254.170.2/v4/0123456789abcdef"}};
        hello.started_ns = epoch_;
        connection_->send(remote::Up{name_, hello});
        sent_ = 0;
    }
    void send() override {
        while (sent_ < frames_.size() && connection_->has_room()) connection_->send(frames_[sent_++].bytes);
    }
    void beat() override {
        remote::Heartbeat h;
        h.time_ns = now_ns();
        for (int i = 0; i < 40; ++i) h.counters.emplace_back("counter_of_an_agent_" + std::to_string(i), h.time_ns % 1000 + i);
        h.rules_version = "0123456789abcdef", h.mode = "full";
        connection_->send(remote::Up{name_, h});
    }
    void receive(remote::Down&& message) override {
        const auto* ack = std::get_if<remote::Ack>(&message.what);
        while (ack && !frames_.empty() && frames_.front().last <= ack->number) frames_.pop_front(), sent_ -= sent_ > 0 ? 1 : 0;
    }

private:
    struct Frame {
        std::string bytes;
        uint64_t last;  // number in it
    };
    const unsigned number_;
    const std::string name_;
    const uint64_t epoch_;
    std::unique_ptr<uplink::Connection> connection_;
    std::deque<Frame> frames_;  // not acknowledged yet
    size_t sent_ = 0;           // of these
    uint64_t made_ = 0;
};

template <class Do>
void each_in_its_thread(std::vector<std::unique_ptr<Agent>>& agents, Do act) {
    std::vector<std::jthread> threads;
    for (auto& a : agents)
        threads.emplace_back([&a, &act] {
            try {
                act(*a);
            } catch (const std::exception& e) {
                std::fprintf(stderr, "load: %s\n", e.what());
                std::_Exit(1);
            }
        });
}

int alerts(std::vector<std::unique_ptr<Agent>>& agents, uint64_t count, uint64_t rounds, uint64_t spread_ns) {
    const uint64_t share = std::max<uint64_t>(count / agents.size(), 1), step = spread_ns / (share * rounds), first = now_ns() - spread_ns;
    const auto end = Clock::now() + kPatience;
    each_in_its_thread(agents, [&](Agent& a) {
        while (!a.connected() && Clock::now() < end) a.turn(Clock::now() + std::chrono::seconds(1));
    });
    for (uint64_t round = 0; round < rounds; ++round) {
        const uint64_t from = spread_ns ? first + round * share * step : now_ns();
        each_in_its_thread(agents, [&](Agent& a) { a.make(share, from, step); });
        const auto began = Clock::now();
        each_in_its_thread(agents, [&](Agent& a) { a.deliver(began + kPatience); });
        std::printf("{\"alerts\": %zu, \"seconds\": %.3f}\n", static_cast<size_t>(share * agents.size()),
                    std::chrono::duration<double>(Clock::now() - began).count());
        std::fflush(stdout);
    }
    return 0;
}

// Every part of the agents has a thread, which connects a few more in each turn: those that are connected must be heard meanwhile.
int idle(std::vector<std::unique_ptr<Agent>>& agents) {
    constexpr size_t kThreads = 8, kAtOnce = 10;
    std::atomic<size_t> connected{0};
    std::atomic<bool> end{false};
    std::vector<std::jthread> threads;
    for (size_t part = 0; part < kThreads; ++part)
        threads.emplace_back([&, part] {
            for (size_t reached = kAtOnce; !end; reached += kAtOnce) {
                size_t here = 0, before = 0;
                for (size_t i = part, n = 0; i < agents.size() && n < reached && !end; i += kThreads, ++n) {
                    before += agents[i]->connected();
                    agents[i]->turn(Clock::now());
                    here += agents[i]->connected();
                }
                connected += here - before;
            }
        });
    for (bool said = false;;) {
        pollfd input{STDIN_FILENO, POLLIN, 0};
        if (::poll(&input, 1, 50) > 0) return end = true, 0;
        if (!said && connected == agents.size()) said = true, std::puts("connected"), std::fflush(stdout);
    }
}

}  // namespace

int main(int argc, char** argv) try {
    const std::string what = argc > 1 ? argv[1] : "";
    if ((what != "alerts" || argc != 6) && (what != "idle" || argc != 3))
        return std::fputs("load alerts AGENTS ALERTS ROUNDS SPREAD_S | load idle AGENTS\n", stderr), 2;
    uplink::Settings settings;
    std::vector<std::string> problems;
    uplink::read_settings(uplink::Variables({}, [](const char* name) -> const char* { return std::getenv(name); }, problems),
                          uplink::Upstream::collector_or_relay, settings);
    if (!problems.empty() || settings.host.empty()) return std::fputs("load: set UNDERCOAT_COLLECTOR or UNDERCOAT_ORCHESTRATOR\n", stderr), 2;
    std::vector<std::unique_ptr<Agent>> agents;
    for (unsigned i = 0; i < static_cast<unsigned>(std::atoi(argv[2])); ++i) agents.push_back(std::make_unique<Agent>(settings, i));
    if (agents.empty()) return std::fputs("load: no agents\n", stderr), 2;
    if (what == "idle") return idle(agents);
    return alerts(agents, std::strtoull(argv[3], nullptr, 10), std::max(std::strtoull(argv[4], nullptr, 10), 1ULL),
                  std::strtoull(argv[5], nullptr, 10) * 1'000'000'000);
} catch (const std::exception& e) {
    std::fprintf(stderr, "load: %s\n", e.what());
    return 1;
}
