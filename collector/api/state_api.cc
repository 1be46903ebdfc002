// What the collector says of agents and of itself. See routes.h.
#include "collector/api/routes.h"

#include "collector/api/numbers.h"
#include "collector/json.h"

namespace undercoat::collector {
namespace {

// The names are part of the interface: /metrics and /api/v1/status give the same.
Numbers numbers(ApiContext& c) {
    const StoreState store = c.store.state();
    const Writer::Counters taken = c.writer.counters();
    const Backbone::Counters drained = c.backbone ? c.backbone() : Backbone::Counters{};
    // With a backbone the writer puts in, and what is stored is what was drained.
    const Writer::Counters& w = c.backbone ? drained.stored : taken;
    Numbers out = {
        {"alerts_stored_total", "counter", "Alerts stored since the start.", w.alerts},
        {"alerts_duplicate_total", "counter", "Alerts that came again and were not stored again.", w.duplicates},
        {"alerts_missing_total", "gauge", "Alerts that agents numbered and that never came: dropped there.",
         static_cast<uint64_t>(std::max<int64_t>(w.missing, 0))},
        {"commits_total", "counter", "Commits of the store.", w.commits},
        {"commit_failures_total", "counter", "Commits that the store refused; they are tried again.", w.failures},
        {"backbone_batches_total", "counter", "Commits into the backbone.", c.backbone ? taken.commits : 0},
        {"backbone_failures_total", "counter", "Commits that the backbone refused; they are tried again.", c.backbone ? taken.failures : 0},
        {"backbone_foreign_total", "counter", "Messages of the backbone that were no batches of alerts.", drained.foreign},
        {"backbone_unread_total", "counter", "Times that a part of the backbone could not be read; it is tried again.", drained.unread},
        {"alerts_waiting", "gauge", "Alerts that wait to be stored.", c.writer.waiting()},
        {"store_refused_total", "counter", "Alerts that the database would never take; they are not stored.", store.refused},
        {"store_alerts", "gauge", "Alerts in the store.", store.alerts},
        {"store_bytes", "gauge", "Size of the store on the disk.", store.bytes},
        {"store_files", "gauge", "Files of the store.", store.files},
        {"agents", "gauge", "Agents known.", c.agents.size()},
        {"agents_connected", "gauge", "Agents connected.", c.agents.connected()},
        {"agent_frames_refused_total", "counter", "Messages of agents that were not the protocol.",
         c.sessions.bad_frames.load()},
        {"live_watchers", "gauge", "Watchers of the live stream.", c.live.watchers()},
        {"live_skipped_total", "counter", "Alerts that watchers could not take in time.", c.live.skipped()},
    };
    add_server_numbers(c.server_counters(), out);
    return out;
}

void assign(const Policy* policy, AgentRecord& a) {
    const auto* rules = policy && !a.relay ? policy->for_agent(a) : nullptr;
    a.rules_assigned = rules ? rules->version : "";
}

}  // namespace

net::Response get_agents(ApiContext& context, const net::Request&, const std::string&) {
    std::string body = "{\"agents\":[";
    bool first = true;
    const auto policy = context.desk.policy();
    for (AgentRecord& a : context.agents.all()) {
        assign(policy.get(), a);
        if (!std::exchange(first, false)) body += ',';
        append_json(a, body);
    }
    return net::Response::of(200, "application/json", body + "]}");
}

net::Response get_agent(ApiContext& context, const net::Request&, const std::string& part) {
    auto agent = context.agents.find(part);
    if (!agent) return json_error(404, "there is no such agent");
    assign(context.desk.policy().get(), *agent);
    std::string body;
    append_json(*agent, body);
    return net::Response::of(200, "application/json", std::move(body));
}

net::Response get_status(ApiContext& context, const net::Request&, const std::string&) {
    const StoreState store = context.store.state();
    std::string body = "{\"version\":";
    append_quoted(context.version, body);
    body += ",\"time\":";
    append_quoted(iso_time(now_ns()), body);
    body += ",\"oldest\":";
    if (store.oldest_ns) append_quoted(iso_time(store.oldest_ns), body);
    else body += "null";
    body += ",\"trouble\":";
    if (store.trouble.empty()) body += "null";
    else append_quoted(store.trouble, body);
    body += ",\"numbers\":{";
    bool first = true;
    for (const Number& n : numbers(context)) {
        if (!std::exchange(first, false)) body += ',';
        body.append("\"").append(n.name).append("\":").append(std::to_string(n.value));
    }
    return net::Response::of(200, "application/json", body + "}}");
}

net::Response get_metrics(ApiContext& context, const net::Request&, const std::string&) {
    return metrics_answer("undercoat_collector_", numbers(context));
}

net::Response get_health(ApiContext&, const net::Request&, const std::string&) {
    return net::Response::of(200, "application/json", "{\"status\":\"ok\"}");
}

net::Response get_ready(ApiContext& context, const net::Request&, const std::string&) {
    // While only the store is away, alerts are safe in the backbone, and more are taken.
    if (context.backbone && !context.backbone().readable) return json_error(503, "the backbone cannot be read");
    if (context.writer.healthy()) return net::Response::of(200, "application/json", "{\"status\":\"ok\"}");
    return json_error(503, "alerts cannot be stored");
}

}  // namespace undercoat::collector
