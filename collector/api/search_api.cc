// Alerts, their counts, and filters over HTTP. See routes.h.
#include "collector/api/routes.h"

#include "collector/json.h"

#include <boost/json.hpp>
#include <charconv>

namespace undercoat::collector {
namespace {

constexpr auto kPatience = std::chrono::milliseconds(3000);
constexpr int64_t kMinute = 60'000'000'000;

net::Response ok(std::string body) { return net::Response::of(200, "application/json", std::move(body)); }

bool parse_count(const std::string& text, size_t most, size_t& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc() && end == text.data() + text.size() && out >= 1 && out <= most;
}

// The parameters that all searches share. Some response: what is wrong with them.
std::optional<net::Response> read_search(const net::Request& request, Search& s,
                                         std::map<std::string, std::string>& others) {
    for (auto& [name, value] : net::parse_pairs(request.query)) {
        unsigned severity = 7;
        if (name == "filter") {
            if (value.find_first_not_of(" \t\n") == value.npos) continue;
            auto compiled = Filter::compile(value);
            if (const auto* e = std::get_if<FilterError>(&compiled)) {
                std::string body = "{\"error\":";
                append_quoted(e->message, body);
                return net::Response::of(400, "application/json",
                                         body + ",\"offset\":" + std::to_string(e->offset) + "}");
            }
            s.filter = std::get<0>(compiled);
        } else if (name == "q") {
            s.words = value.substr(0, 1000);
        } else if (name == "priority") {
            if (!parse_priority(value, severity)) return json_error(400, "'priority' is none of Falco's priorities");
            s.least_severity = severity;
        } else if (name == "from" || name == "to") {
            if (!parse_time(value, name == "from" ? s.from_ns : s.to_ns))
                return json_error(400,
                                  "'" + name + "' must be a time such as 2026-01-31T12:00:00Z, or seconds since 1970");
        } else {
            others[name] = std::move(value);
        }
    }
    s.deadline = std::chrono::steady_clock::now() + kPatience;
    return std::nullopt;
}

std::optional<net::Response> unknown(const std::map<std::string, std::string>& others) {
    if (others.empty()) return std::nullopt;
    return json_error(400, "there is no parameter '" + others.begin()->first + "'");
}

std::string take(std::map<std::string, std::string>& from, const char* name) {
    const auto it = from.find(name);
    if (it == from.end()) return "";
    std::string value = std::move(it->second);
    from.erase(it);
    return value;
}

}  // namespace

net::Response get_alerts(ApiContext& context, const net::Request& request, const std::string&) {
    Search s;
    std::map<std::string, std::string> others;
    if (auto bad = read_search(request, s, others)) return *bad;
    if (const std::string limit = take(others, "limit"); !limit.empty() && !parse_count(limit, 1000, s.limit))
        return json_error(400, "'limit' must be a number from 1 to 1000");
    if (const std::string before = take(others, "before"); !before.empty()) {
        AlertId id;
        if (!parse_alert_id(before, id))
            return json_error(400, "'before' must be a cursor that an earlier answer gave as 'next'");
        s.before = id;
    }
    if (auto bad = unknown(others)) return *bad;
    const auto page = context.store.search(s);
    if (!page) return json_error(500, page.error());
    std::string body = "{\"alerts\":[";
    for (size_t i = 0; i < page->alerts.size(); ++i) {
        if (i) body += ',';
        append_json(page->alerts[i], body);
    }
    body += "],\"next\":";
    if (page->reached) append_quoted(page->reached->text(), body);
    else body += "null";
    return ok(body + ",\"complete\":" + (page->complete ? "true" : "false") + "}");
}

net::Response get_alert(ApiContext& context, const net::Request&, const std::string& part) {
    AlertId id;
    const auto found = parse_alert_id(part, id) ? context.store.find(id) : std::nullopt;
    if (!found) return json_error(404, "there is no such alert");
    std::string body;
    append_json(*found, body);
    return ok(std::move(body));
}

net::Response get_histogram(ApiContext& context, const net::Request& request, const std::string&) {
    Search s;
    std::map<std::string, std::string> others;
    if (auto bad = read_search(request, s, others)) return *bad;
    const int64_t now = now_ns();
    if (s.to_ns == INT64_MAX) s.to_ns = now;
    if (s.from_ns == INT64_MIN) s.from_ns = s.to_ns - 60 * kMinute;
    s.from_ns -= s.from_ns % kMinute;
    if (s.from_ns >= s.to_ns) return json_error(400, "'from' must be before 'to'");
    size_t step = 0;
    const std::string given = take(others, "step");
    if (!given.empty() && (!parse_count(given, 366 * 86400, step) || step % 60 != 0))
        return json_error(400, "'step' must be a number of seconds, whole minutes");
    if (auto bad = unknown(others)) return *bad;
    int64_t step_ns = static_cast<int64_t>(step) * 1'000'000'000;
    if (step_ns == 0) step_ns = std::max<int64_t>((s.to_ns - s.from_ns) / 60 / kMinute, 1) * kMinute;
    if ((s.to_ns - s.from_ns) / step_ns > 2000) return json_error(400, "more than 2000 bars; take a longer 'step'");
    const auto h = context.store.histogram(s, step_ns);
    if (!h) return json_error(500, h.error());
    std::string body = "{\"step\":" + std::to_string(step_ns / 1'000'000'000) + ",\"bars\":[";
    for (size_t i = 0; i < h->bars.size(); ++i) {
        body += i ? ",{\"start\":" : "{\"start\":";
        append_quoted(iso_time(h->bars[i].start_ns), body);
        body += ",\"counts\":[";
        for (unsigned severity = 0; severity < 8; ++severity)
            body.append(severity ? "," : "").append(std::to_string(h->bars[i].by_severity[severity]));
        body += "]}";
    }
    return ok(body + "],\"complete\":" + (h->complete ? "true" : "false") + "}");
}

net::Response get_top(ApiContext& context, const net::Request& request, const std::string&) {
    Search s;
    std::map<std::string, std::string> others;
    if (auto bad = read_search(request, s, others)) return *bad;
    const std::string field = take(others, "field"), limit = take(others, "limit");
    if (field.empty() || field.size() > 200) return json_error(400, "'field' must name a field");
    size_t count = 10;
    if (!limit.empty() && !parse_count(limit, 1000, count))
        return json_error(400, "'limit' must be a number from 1 to 1000");
    if (auto bad = unknown(others)) return *bad;
    const auto top = context.store.top(s, field, count);
    if (!top) return json_error(500, top.error());
    std::string body = "{\"field\":";
    append_quoted(field, body);
    body += ",\"values\":[";
    for (size_t i = 0; i < top->values.size(); ++i) {
        body += i ? ",{\"value\":" : "{\"value\":";
        append_quoted(top->values[i].first, body);
        body += ",\"count\":" + std::to_string(top->values[i].second) + "}";
    }
    return ok(body + "],\"others\":" + std::to_string(top->others) +
              ",\"complete\":" + (top->complete ? "true" : "false") + "}");
}

net::Response check_filter(ApiContext&, const net::Request& request, const std::string&) {
    Search s;
    std::map<std::string, std::string> others;
    if (auto bad = read_search(request, s, others)) return *bad;
    return ok("{\"ok\":true}");
}

}  // namespace undercoat::collector
