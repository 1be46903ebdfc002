// The orchestrator's connection to the collector: passes on what its agents say, under their names.
//
// Must stay true: an agent's own words come before its batches on each connection; of words that wait only the last of each
// kind is kept. Thread-safe, but for the Speaker's calls, which are the uplink's own thread's.
#pragma once

#include "collector/ingest/agent_session.h"
#include "collector/relay/relay_policy.h"
#include "collector/relay/relay_spool.h"
#include "uplink/connection.h"

#include <condition_variable>
#include <deque>
#include <thread>

namespace undercoat::collector {

struct RelayIdentity {
    std::string id, version, hostname;
    std::vector<std::string> tags;
    std::function<std::vector<std::pair<std::string, uint64_t>>()> counters;  // of its heartbeats, beside the uplink's
};

class RelayUplink : private uplink::Speaker {
public:
    // Error: a setting cannot be used. Nothing happens before begin().
    static Result<std::unique_ptr<RelayUplink>> make(const uplink::Settings& settings, RelayIdentity me, RelaySpool& spool,
                                                     RelayPolicy& policy, uplink::Log log);
    void begin();
    ~RelayUplink() override;  // sends what waits, for some seconds at most

    // False: there are too many agents.
    bool hello(const AgentLink& link, std::string_view frame);
    void arrived(const std::string& agent);
    void gone(const std::string& agent);
    void heartbeat(const std::string& agent, std::string_view frame);
    void rules_status(const std::string& agent, std::string_view frame);
    void wake() { connection_->wake(); }
    std::set<std::string> present() const;
    void forget_strangers();  // agents that are gone and of which nothing waits

    uplink::Connection::Counters counters() const { return connection_->counters(); }

private:
    struct AgentWords {
        std::string hello, heartbeat, status;  // frames; the last of each
        unsigned connections = 0;
        bool said_hello = false, said_heartbeat = false, said_status = false, said_gone = true;  // on this connection
    };
    struct Sent {
        int64_t id;
        uint64_t last;
    };
    RelayUplink(RelayIdentity me, RelaySpool& spool, RelayPolicy& policy, std::unique_ptr<uplink::Connection> connection);
    void run();
    void greet() override;
    void send() override;
    void beat() override;
    void receive(remote::Down&& message) override;
    bool say(const std::string& id, AgentWords& words);  // with mutex_ held; what was not said yet
    void say_all();
    void forget_acknowledged(bool at_once);

    const RelayIdentity me_;
    RelaySpool& spool_;
    RelayPolicy& policy_;
    std::unique_ptr<uplink::Connection> connection_;
    const int64_t started_ns_;
    mutable std::mutex mutex_;
    std::map<std::string, AgentWords> agents_;
    std::set<std::string> unsaid_;  // agents that have something new to say
    std::atomic<bool> stop_{false};

    // The uplink's thread's.
    std::map<std::tuple<std::string, uint64_t, uint32_t>, std::deque<Sent>> in_flight_;
    size_t in_flight_count_ = 0;
    std::vector<int64_t> acknowledged_;
    std::optional<SpooledBatch> held_;  // handed out, and there was no room
    std::thread thread_;
};

}  // namespace undercoat::collector
