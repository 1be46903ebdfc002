// See rule_desk.h.
#include "collector/policy/rule_desk.h"

namespace undercoat::collector {

// One frame for all agents: the id in it is for relays, which look at nothing else of this.
const std::shared_ptr<const std::string>& RuleDesk::frame_of(const remote::Rules& rules) {
    auto& frame = frames_[rules.version];
    if (!frame) {
        auto encoded = codec_.encode(remote::Down{"", rules});
        frame = std::make_shared<const std::string>(encoded ? std::move(*encoded) : "");
    }
    return frame;
}

void RuleDesk::tell(Listener& l) {
    if (l.relay) return tell_relay(l);
    const remote::Rules* rules = policy_->for_agent(l.agent);
    const std::string version = rules ? rules->version : "";
    if (l.answered && version == l.told) return;
    const bool has_it = rules && version == l.agent.rules_version;
    if (rules && !has_it) {
        l.socket->send(frame_of(*rules), true);
    } else if (auto frame = codec_.encode(remote::Down{"", remote::Rules{version, {}, ""}})) {
        l.socket->send(std::make_shared<const std::string>(std::move(*frame)), true);
    }
    l.agent.rules_version.clear();  // what it has from now on is not known
    l.told = version;
    l.answered = true;
}

void RuleDesk::tell_relay(const Listener& l) {
    remote::Policy order;
    for (const remote::Rules& rules : policy_->rulesets()) {
        l.socket->send(frame_of(rules), true);
        order.versions.push_back(rules.version);
    }
    if (auto frame = codec_.encode(remote::Down{"", std::move(order)}))
        l.socket->send(std::make_shared<const std::string>(std::move(*frame)), true);
}

void RuleDesk::set_policy(std::shared_ptr<const Policy> policy) {
    std::lock_guard lock(mutex_);
    policy_ = std::move(policy);
    frames_.clear();
    if (!policy_) return;
    for (auto& [key, listener] : listeners_) tell(listener);
}

std::shared_ptr<const Policy> RuleDesk::policy() const {
    std::lock_guard lock(mutex_);
    return policy_;
}

void RuleDesk::hello(const AgentLink& link, const remote::Hello& hello) {
    if (!link.via.empty()) return;  // its relay sees to it
    std::lock_guard lock(mutex_);
    Listener& l = listeners_[{link.agent, link.socket.get()}];
    l = {agent_of(link.agent, hello), link.socket, hello.relay, "", false};
    if (policy_) tell(l);
}

void RuleDesk::gone(const AgentLink& link) {
    std::lock_guard lock(mutex_);
    listeners_.erase({link.agent, link.socket.get()});
}

}  // namespace undercoat::collector
