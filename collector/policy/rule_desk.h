// Hands rules down to the agents that are connected: to each its ruleset, to a relay the whole policy.
//
// Must stay true: every Hello is answered, also with "none" or "as you have it", so that an agent that waits for rules knows; nothing is
// sent twice to the same connection. Thread-safe.
#pragma once

#include "collector/ingest/agent_session.h"
#include "collector/policy/policy.h"

#include <map>
#include <mutex>

namespace undercoat::collector {

class RuleDesk {
public:
    // Tells everybody whom the change concerns. Null: not known yet, then nobody is told anything.
    void set_policy(std::shared_ptr<const Policy> policy);
    std::shared_ptr<const Policy> policy() const;
    void hello(const AgentLink& link, const remote::Hello& hello);
    void gone(const AgentLink& link);

private:
    struct Listener {
        AgentRecord agent;
        std::shared_ptr<net::Socket> socket;
        bool relay = false;
        std::string told;  // the version that it was told of last, or has
        bool answered = false;
    };
    void tell(Listener& listener);
    void tell_relay(const Listener& listener);
    const std::shared_ptr<const std::string>& frame_of(const remote::Rules& rules);

    mutable std::mutex mutex_;
    std::shared_ptr<const Policy> policy_;
    std::map<std::pair<std::string, const net::Socket*>, Listener> listeners_;
    std::map<std::string, std::shared_ptr<const std::string>> frames_;  // by version, of the policy in force
    remote::Codec codec_;
};

}  // namespace undercoat::collector
