// Sends alerts to a collector or a relay, and says every half minute how this agent is.
//
// Two threads: one puts what the engine gives into the spool, one talks. Must stay true: the engine never waits, whatever
// the disk, the network or the collector do; an alert is kept until it is acknowledged, or dropped and counted by name;
// nothing here ends the supervisor.
#pragma once

#include "supervisor/forward/spool.h"
#include "supervisor/outputs/settings.h"
#include "supervisor/outputs/tap.h"
#include "uplink/connection.h"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace undercoat::forward {

using uplink::Log;

struct Identity {
    std::string version, hostname, mode;
    std::vector<std::pair<std::string, std::string>> platform;
    bool resumed = false;  // takes over from a supervisor that died
};

class Forwarder : public outputs::AlertTap, private uplink::Speaker {
public:
    // Error: a setting cannot be used; a sentence.
    static Result<std::unique_ptr<Forwarder>> start(const outputs::CollectorSettings& settings, Identity identity, Log log);
    ~Forwarder() override;  // sends what waits, for settings.linger at most

    void take(const outputs::TappedAlert& alert) override;
    uint64_t taken() const override { return taken_; }
    uint64_t safe() const override { return safe_; }
    void tell(Counts counters, std::string rules_version) override;
    Counts counters() const override;
    void begin(std::string rules_version) override;
    std::optional<outputs::TappedRules> kept_rules() override;
    std::optional<outputs::TappedRules> new_rules() override;
    void rules_done(const std::string& version, bool applied, const std::string& message, const std::string& in_use) override;
    bool rules_answered() const override;

private:
    struct Taken {
        uint64_t key;
        remote::Alert alert;
    };
    Forwarder(const outputs::CollectorSettings& settings, Identity identity, Log log, std::unique_ptr<uplink::Connection> connection);
    void keep();   // the thread of the spool
    void talk();   // the thread of the connection
    bool finished(uplink::Clock::time_point now);
    void greet() override;
    void send() override;
    void beat() override;
    void receive(remote::Down&& message) override;
    void take_rules(remote::Rules&& rules);
    void say_status();
    void keep_rules(const remote::Rules& rules) const;
    void publish();  // with the spool's lock held

    const outputs::CollectorSettings settings_;
    Identity identity_;
    const Log log_;
    UniqueFd lock_;
    std::string directory_, agent_;
    const uint64_t started_ns_;

    mutable std::mutex intake_mutex_;
    std::condition_variable arrived_;
    std::vector<Taken> intake_;
    size_t intake_bytes_ = 0;
    uint64_t dropped_ = 0;  // since the spool's thread last took what was there
    bool stop_ = false;
    std::atomic<uint64_t> taken_{0}, safe_{0}, overflow_{0}, repeated_{0};
    std::atomic<bool> kept_all_{false};  // the spool's thread has ended

    mutable std::mutex spool_mutex_;
    std::unique_ptr<Spool> spool_;

    mutable std::mutex counts_mutex_;  // held for moments only: the engine asks
    Spool::Counters counts_;

    mutable std::mutex told_mutex_;
    Counts told_;
    std::string rules_version_;

    mutable std::mutex rules_mutex_;
    std::optional<remote::Rules> new_rules_;     // came, and was not asked for yet
    remote::Rules given_;                        // the last that came
    std::optional<remote::RulesStatus> status_;  // of the last that were tried
    bool status_said_ = true;                    // on this connection
    bool rules_answered_ = false;

    // The talking thread's.
    std::unique_ptr<uplink::Connection> connection_;
    uplink::Clock::time_point end_{};

    std::thread keeper_, talker_;
};

}  // namespace undercoat::forward
