// `undercoat rules push`: uploads a ruleset to the collector, which checks it and hands it down to the agents.
#include "supervisor/cli/commands.h"

#include "base/utf8.h"
#include "net/client.h"
#include "supervisor/cli/rules_files.h"
#include "uplink/settings.h"

#include <boost/json.hpp>

#include <cstdio>
#include <cstdlib>

namespace undercoat::cli {
namespace {

namespace json = boost::json;

int fail(const std::string& message) {
    std::fprintf(stderr, "undercoat: %s\n", message.c_str());
    return 1;
}

std::string text_of(const json::object& o, const char* name) {
    const auto* v = o.if_contains(name);
    std::string out;
    if (v && v->is_string()) append_harmless(std::string_view(v->get_string()), out);
    return out;
}

// The collector as an agent's variables name it.
Result<uplink::Settings> collector() {
    const std::map<std::string, std::string> no_file;
    const uplink::Lookup environment = [](const char* name) -> const char* { return std::getenv(name); };
    std::vector<std::string> problems;
    uplink::Settings s;
    uplink::read_settings(uplink::Variables(no_file, environment, problems), uplink::Upstream::collector, s);
    if (!problems.empty()) return Error{problems[0]};
    if (s.host.empty() || s.access_key.empty())
        return Error{"set UNDERCOAT_COLLECTOR, and UNDERCOAT_ACCESS_KEY to a key with the role admin (collector key add NAME --role admin)."};
    if (!s.proxy_host.empty()) return Error{"UNDERCOAT_PROXY is set; this command knows no proxy."};
    return s;
}

Result<net::HttpClient::Answer> ask(const uplink::Settings& s, const std::string& method, const std::string& target, const std::string& body) {
    net::HttpClient::Settings c;
    c.url = {true, s.host, s.port, target, (s.host.find(':') == s.host.npos ? s.host : "[" + s.host + "]") + ":" + s.port};
    c.tls.insecure = s.insecure;
    if (!s.ca_cert.empty()) c.tls.ca_files = {s.ca_cert};
    c.tls.certificate = s.client_cert, c.tls.key = s.client_key;
    c.tls.only_tls13 = true;
    c.timeout = std::chrono::seconds(60);
    c.most_answer = 8 << 20;
    c.headers.emplace_back("Authorization", "Bearer " + s.access_key);
    auto client = net::HttpClient::make(std::move(c));
    if (!client) return Error{client.error()};
    return (*client)->request(method, body, "application/json");
}

int report(const net::HttpClient::Answer& answer, bool as_json) {
    boost::system::error_code error;
    const auto value = json::parse(answer.body, error);
    if (error || !value.is_object()) return fail("the collector answered with status " + std::to_string(answer.status));
    const json::object& o = value.get_object();
    if (as_json) std::printf("%s\n", answer.body.c_str());
    for (const char* kind : {"errors", "warnings"})
        if (const auto* problems = o.if_contains(kind); problems && problems->is_array())
            for (const auto& p : problems->get_array())
                if (p.is_object()) std::fprintf(stderr, "undercoat: %s%s\n", *kind == 'w' ? "warning: " : "", text_of(p.get_object(), "text").c_str());
    if (answer.status != 200) {
        const auto* errors = o.if_contains("errors");
        const bool said = errors && errors->is_array() && !errors->get_array().empty();
        return said ? fail("the rules are refused; those before stay in force") : fail("the collector refuses: " + text_of(o, "error"));
    }
    const auto* rules = o.if_contains("rules");
    if (!as_json) std::printf("%s: %lld rules\n", o.contains("version") ? text_of(o, "version").c_str() : "good",
                              static_cast<long long>(rules && rules->is_int64() ? rules->get_int64() : 0));
    return 0;
}

}  // namespace

int push_rules(const PushRequest& request) {
    const auto to = collector();
    if (!to) return fail(to.error());
    const RulesFiles files = read_rules(request.files);
    for (const std::string& message : files.unreadable) std::fprintf(stderr, "undercoat: %s\n", message.c_str());
    if (!files.unreadable.empty()) return 1;
    json::array list;
    for (const rules::RulesFile& f : files.contents) list.push_back({{"name", f.name}, {"content", f.content}});
    const json::object body{{"scope", request.scope}, {"position", request.position}, {"files", std::move(list)}};
    const auto answer = request.check ? ask(*to, "POST", "/api/v1/rulesets/check", json::serialize(body))
                                      : ask(*to, "PUT", "/api/v1/rulesets/" + request.name, json::serialize(body));
    if (!answer) return fail("the collector " + to->host + " cannot be asked: " + answer.error());
    return report(*answer, request.json);
}

}  // namespace undercoat::cli
