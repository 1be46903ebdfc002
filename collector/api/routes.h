// The REST API: which path and method does what, and who may.
//
// Must stay true: collector/api/openapi.yaml describes every route and nothing else (a test compares); a route that changes
// something wants a session with its token against forged requests, or an API key; errors are JSON objects with `error`.
#pragma once

#include "collector/auth/accounts.h"
#include "collector/auth/key_check.h"
#include "collector/backbone.h"
#include "collector/ingest/agent_session.h"
#include "collector/ingest/agents.h"
#include "collector/ingest/writer.h"
#include "collector/live/hub.h"
#include "collector/policy/rule_desk.h"
#include "collector/policy/ruleset_store.h"
#include "collector/store/store.h"
#include "net/http.h"

#include <chrono>
#include <span>

namespace undercoat::collector {

struct ApiContext {
    Store& store;
    Accounts& accounts;
    Agents& agents;
    Writer& writer;
    LiveHub& live;
    AgentService& sessions;
    RulesetStore& rulesets;
    RuleDesk& desk;
    std::string version;
    std::function<net::ServerCounters()> server_counters;
    std::function<void(const std::string&)> log;
    std::mutex policy_mutex;  // held while a policy changes
    std::function<Backbone::Counters()> backbone = {};  // null: there is none
};

enum class Access : uint8_t {
    open,     // anybody
    session,  // a browser's session, or a key with the role api or admin
    change,   // a browser's session, or a key with the role admin
    agent,    // a key with the role agent
};

struct Route {
    std::string_view method, path;  // {id} stands for one part of the path
    Access access;
    size_t body_limit;
    bool slow;  // answered by a worker
    net::Response (*answer)(ApiContext& context, const net::Request& request, const std::string& part);
};

std::span<const Route> routes();
// The route of a request and what {id} stands for; null: none. `other_method`: the path exists.
const Route* find_route(std::string_view method, std::string_view path, std::string& part, bool& other_method);
// Nothing: it is permitted. Otherwise the refusal.
std::optional<net::Response> refusal(ApiContext& context, const Route& route, const net::Request& request);

// False: a browser sent it from a page of another origin.
bool same_origin(const net::Request& request);

inline constexpr std::string_view kCookie = "__Host-undercoat";

// The policy of the rulesets in force.
std::shared_ptr<const Policy> policy_of(RulesetStore& store);

// The handlers, by file.
net::Response get_alerts(ApiContext&, const net::Request&, const std::string&);
net::Response get_alert(ApiContext&, const net::Request&, const std::string&);
net::Response get_histogram(ApiContext&, const net::Request&, const std::string&);
net::Response get_top(ApiContext&, const net::Request&, const std::string&);
net::Response check_filter(ApiContext&, const net::Request&, const std::string&);
net::Response get_agents(ApiContext&, const net::Request&, const std::string&);
net::Response get_agent(ApiContext&, const net::Request&, const std::string&);
net::Response get_status(ApiContext&, const net::Request&, const std::string&);
net::Response get_metrics(ApiContext&, const net::Request&, const std::string&);
net::Response get_health(ApiContext&, const net::Request&, const std::string&);
net::Response get_ready(ApiContext&, const net::Request&, const std::string&);
net::Response log_in(ApiContext&, const net::Request&, const std::string&);
net::Response log_out(ApiContext&, const net::Request&, const std::string&);
net::Response get_rulesets(ApiContext&, const net::Request&, const std::string&);
net::Response get_ruleset(ApiContext&, const net::Request&, const std::string&);
net::Response check_ruleset(ApiContext&, const net::Request&, const std::string&);
net::Response put_ruleset(ApiContext&, const net::Request&, const std::string&);
net::Response remove_ruleset(ApiContext&, const net::Request&, const std::string&);
net::Response get_session(ApiContext&, const net::Request&, const std::string&);

}  // namespace undercoat::collector
