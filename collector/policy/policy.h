// Which rules which agents are to use: rulesets with their scopes, in order.
//
// A scope is a condition over agent.id, agent.hostname, agent.version, agent.mode, agent.tags, tag.NAME (of a tag NAME:VALUE) and
// platform.NAME. Must stay true: a Policy never changes, so threads share it; an agent gets the first ruleset whose scope holds.
#pragma once

#include "collector/query/filter.h"
#include "collector/record.h"
#include "wire/remote/messages.h"

#include <memory>
#include <vector>

namespace undercoat::collector {

class Policy {
public:
    static constexpr size_t kMostRulesets = 64;
    // In order of precedence. A scope that is no condition fits nobody.
    explicit Policy(std::vector<remote::Rules> rulesets);

    const std::vector<remote::Rules>& rulesets() const { return rulesets_; }
    // Null: none fits. Of the record only what the agent says of itself is looked at.
    const remote::Rules* for_agent(const AgentRecord& agent) const;

private:
    std::vector<remote::Rules> rulesets_;
    std::vector<std::shared_ptr<const Filter>> scopes_;  // null: see fits_all_
    std::vector<bool> fits_all_;
};

// What is wrong with a scope; empty: nothing.
std::string scope_problem(const std::string& scope);
// The agent of a Hello, as far as a Policy looks at it.
AgentRecord agent_of(const std::string& id, const remote::Hello& hello);

}  // namespace undercoat::collector
