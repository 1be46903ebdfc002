// See policy.h.
#include "collector/policy/policy.h"

#include <boost/json.hpp>

namespace undercoat::collector {
namespace {

// An agent in the form that filters look at: its facts as fields.
AlertRecord facts_of(const AgentRecord& a) {
    boost::json::object fields{{"agent.id", a.id}, {"agent.hostname", a.hostname}, {"agent.version", a.version}, {"agent.mode", a.mode}};
    for (size_t i = 0; i < a.tags.size(); ++i) {
        fields["agent.tags[" + std::to_string(i) + "]"] = a.tags[i];
        if (const size_t colon = a.tags[i].find(':'); colon != a.tags[i].npos)
            fields["tag." + a.tags[i].substr(0, colon)] = a.tags[i].substr(colon + 1);
    }
    for (const auto& [name, value] : a.platform) fields["platform." + name] = value;
    AlertRecord r;
    r.fields = boost::json::serialize(fields);
    r.context = "{}", r.tags = "[]";
    return r;
}

}  // namespace

Policy::Policy(std::vector<remote::Rules> rulesets) : rulesets_(std::move(rulesets)) {
    for (const remote::Rules& r : rulesets_) {
        auto compiled = r.scope.empty() ? decltype(Filter::compile("")){} : Filter::compile(r.scope);
        auto* filter = std::get_if<std::shared_ptr<const Filter>>(&compiled);
        scopes_.push_back(filter ? *filter : nullptr);
        fits_all_.push_back(r.scope.empty());
    }
}

const remote::Rules* Policy::for_agent(const AgentRecord& agent) const {
    const AlertRecord facts = facts_of(agent);
    for (size_t i = 0; i < rulesets_.size(); ++i)
        if (fits_all_[i] || (scopes_[i] && FilterRun(scopes_[i]).matches(facts))) return &rulesets_[i];
    return nullptr;
}

std::string scope_problem(const std::string& scope) {
    if (scope.empty()) return "";
    const auto compiled = Filter::compile(scope);
    const auto* error = std::get_if<FilterError>(&compiled);
    return error ? error->message + " (at byte " + std::to_string(error->offset) + " of the scope)" : "";
}

AgentRecord agent_of(const std::string& id, const remote::Hello& hello) {
    AgentRecord a;
    a.id = id, a.hostname = hello.hostname, a.version = hello.version, a.mode = hello.mode;
    a.tags = hello.tags, a.platform = hello.platform, a.rules_version = hello.rules_version;
    return a;
}

}  // namespace undercoat::collector
