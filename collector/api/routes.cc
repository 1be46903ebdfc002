// The table of routes, and who may use them. See routes.h.
#include "collector/api/routes.h"

#include "collector/auth/secrets.h"
#include "collector/json.h"

namespace undercoat::collector {
namespace {

constexpr size_t kMaxRuleset = 6 << 20;  // 4 MiB of rules as JSON

constexpr Route kRoutes[] = {
    {"GET", "/api/v1/alerts", Access::session, 0, true, get_alerts},
    {"GET", "/api/v1/alerts/{id}", Access::session, 0, true, get_alert},
    {"GET", "/api/v1/stats/histogram", Access::session, 0, true, get_histogram},
    {"GET", "/api/v1/stats/top", Access::session, 0, true, get_top},
    {"GET", "/api/v1/filter/check", Access::session, 0, true, check_filter},
    {"GET", "/api/v1/agents", Access::session, 0, true, get_agents},
    {"GET", "/api/v1/agents/{id}", Access::session, 0, true, get_agent},
    {"GET", "/api/v1/rulesets", Access::session, 0, true, get_rulesets},
    {"POST", "/api/v1/rulesets/check", Access::session, kMaxRuleset, true, check_ruleset},
    {"GET", "/api/v1/rulesets/{id}", Access::session, 0, true, get_ruleset},
    {"PUT", "/api/v1/rulesets/{id}", Access::change, kMaxRuleset, true, put_ruleset},
    {"DELETE", "/api/v1/rulesets/{id}", Access::change, 0, true, remove_ruleset},
    {"GET", "/api/v1/status", Access::session, 0, true, get_status},
    {"GET", "/api/v1/session", Access::session, 0, true, get_session},
    {"POST", "/api/v1/login", Access::open, 4096, true, log_in},
    {"POST", "/api/v1/logout", Access::session, 4096, true, log_out},
    {"GET", "/metrics", Access::open, 0, true, get_metrics},
    {"GET", "/healthz", Access::open, 0, false, get_health},
    {"GET", "/readyz", Access::open, 0, false, get_ready},
};

bool path_fits(std::string_view pattern, std::string_view path, std::string& part) {
    const size_t open = pattern.find('{');
    if (open == pattern.npos) return pattern == path;
    if (!path.starts_with(pattern.substr(0, open))) return false;
    const std::string_view rest = path.substr(open);
    if (rest.empty() || rest.find('/') != rest.npos) return false;
    part = rest;
    return true;
}

}  // namespace

std::span<const Route> routes() { return kRoutes; }

const Route* find_route(std::string_view method, std::string_view path, std::string& part, bool& other_method) {
    other_method = false;
    if (method == "HEAD") method = "GET";
    for (const Route& r : kRoutes) {
        if (!path_fits(r.path, path, part)) continue;
        if (r.method == method) return &r;
        other_method = true;
    }
    return nullptr;
}

bool same_origin(const net::Request& request) {
    const std::string_view origin = request.header("origin");
    if (origin.empty()) return true;  // no browser, or a request that a browser sends to its own page only
    return origin == "https://" + std::string(request.header("host"));
}

std::optional<net::Response> refusal(ApiContext& context, const Route& route, const net::Request& request) {
    if (route.access == Access::open) return std::nullopt;
    if (const std::string key = presented_key(request); !key.empty()) {
        if (context.accounts.check_key(key, route.access == Access::agent ? "agent" : "admin")) return std::nullopt;
        if (route.access == Access::session && context.accounts.check_key(key, "api")) return std::nullopt;
        return json_error(401, "the key is unknown or has another role");
    }
    const auto session = context.accounts.session(request.cookie(kCookie));
    if (!session) return json_error(401, "log in first");
    if (route.method == "GET") return std::nullopt;
    if (!same_origin(request)) return json_error(403, "the request comes from another site");
    if (!equal_secrets(request.header("x-csrf-token"), session->csrf))
        return json_error(403, "the header X-CSRF-Token is missing or wrong");
    return std::nullopt;
}

}  // namespace undercoat::collector
