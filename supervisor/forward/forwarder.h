// Sends alerts to a collector or a relay, and says every half minute how this agent is.
//
// Two threads: one puts what the engine gives into the spool, one talks. Must stay true: the engine never waits, whatever
// the disk, the network or the collector do; an alert is kept until it is acknowledged, or dropped and counted by name;
// nothing here ends the supervisor.
#pragma once

#include "net/client.h"
#include "supervisor/forward/spool.h"
#include "supervisor/outputs/settings.h"
#include "supervisor/outputs/tap.h"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace undercoat::forward {

using Log = std::function<void(bool trouble, const std::string&)>;

struct Identity {
    std::string version, hostname, mode;
    std::vector<std::pair<std::string, std::string>> platform;
    bool resumed = false;  // takes over from a supervisor that died
};

class Forwarder : public outputs::AlertTap {
public:
    // Error: a setting cannot be used; a sentence.
    static Result<std::unique_ptr<Forwarder>> start(const outputs::CollectorSettings& settings, Identity identity, Log log);
    ~Forwarder() override;  // sends what waits, for settings.linger at most

    void take(const outputs::TappedAlert& alert) override;
    uint64_t taken() const override { return taken_; }
    uint64_t safe() const override { return safe_; }
    void tell(Counts counters, std::string rules_version) override;
    Counts counters() const override;

private:
    struct Taken {
        uint64_t key;
        remote::Alert alert;
    };
    Forwarder(const outputs::CollectorSettings& settings, Identity identity, Log log, std::unique_ptr<net::WebSocketClient> client);
    void keep();   // the thread of the spool
    void talk();   // the thread of the connection
    bool finished(std::chrono::steady_clock::time_point now);
    void connect(std::chrono::steady_clock::time_point now);
    void greet();
    void send_batches();
    void beat();
    void receive(const std::string& frame);
    void lost(const std::string& why);
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

    // The talking thread's.
    std::unique_ptr<net::WebSocketClient> client_;
    std::unique_ptr<class Backoff> backoff_;
    bool welcomed_ = false;
    std::chrono::seconds beat_every_{30};
    std::chrono::steady_clock::time_point next_beat_{}, end_{};
    std::string last_trouble_;
    std::atomic<bool> connected_{false};
    std::atomic<uint64_t> connects_{0}, failures_{0};

    std::thread keeper_, talker_;
};

}  // namespace undercoat::forward
