// The policy that the collector has sent, kept in rules.cache so that agents get their rules while the collector is away.
//
// Must stay true: a policy comes into force whole, or not at all; the file is the old one or the new one, whatever is killed.
#pragma once

#include "collector/policy/rule_desk.h"

#include <functional>
#include <map>
#include <string>

namespace undercoat::collector {

class RelayPolicy {
public:
    // Puts the kept policy into force, if there is one.
    RelayPolicy(std::string directory, RuleDesk& desk, std::function<void(const std::string&)> log);
    // One ruleset of the policy that is coming.
    void take(remote::Rules&& rules);
    void enact(const remote::Policy& order);

private:
    void read();
    void write() const;
    const std::string path_;
    RuleDesk& desk_;
    const std::function<void(const std::string&)> log_;
    std::map<std::string, remote::Rules> coming_;  // by version
};

}  // namespace undercoat::collector
