// Rulesets: uploading, looking, removing. See routes.h.
#include "collector/api/routes.h"

#include "collector/json.h"
#include "collector/policy/rules_check.h"

#include <boost/json.hpp>

#include <algorithm>

namespace undercoat::collector {
namespace {

namespace json = boost::json;

bool good_name(std::string_view name) {
    return !name.empty() && name.size() <= 64 && name != "check" &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == name.npos;
}

// Of a body {scope, position, files: [{name, content}]}. Error: what is wrong with its form.
Result<Ruleset> parsed(const std::string& body) {
    boost::system::error_code error;
    const auto value = json::parse(body, error);
    if (error || !value.is_object()) return Error{"the body is no JSON object"};
    const json::object& o = value.get_object();
    Ruleset r;
    if (const auto* scope = o.if_contains("scope")) {
        if (!scope->is_string()) return Error{"scope is no text"};
        r.scope = scope->get_string();
    }
    if (const auto* position = o.if_contains("position")) {
        if (!position->is_int64() || position->get_int64() < 0 || position->get_int64() > 1'000'000)
            return Error{"position is no number from 0 to 1000000"};
        r.position = position->get_int64();
    }
    const auto* files = o.if_contains("files");
    if (!files || !files->is_array() || files->get_array().empty() || files->get_array().size() > remote::kMaxPairs)
        return Error{"files is no list of 1 to 256 files"};
    for (const auto& f : files->get_array()) {
        const auto* name = f.is_object() ? f.get_object().if_contains("name") : nullptr;
        const auto* content = f.is_object() ? f.get_object().if_contains("content") : nullptr;
        if (!name || !name->is_string() || !content || !content->is_string() || name->get_string().empty() ||
            name->get_string().size() > 255)
            return Error{"a file is no object with the texts name (1 to 255 bytes) and content"};
        r.files.emplace_back(harmless(std::string_view(name->get_string())), content->get_string());
    }
    return r;
}

void append(const std::vector<RulesCheck::Problem>& problems, std::string& out) {
    out += '[';
    for (size_t i = 0; i < problems.size(); ++i) {
        const auto& p = problems[i];
        out += i ? ",{\"file\":" : "{\"file\":";
        append_quoted(p.file, out);
        out += ",\"line\":" + std::to_string(p.line) + ",\"column\":" + std::to_string(p.column) + ",\"message\":";
        append_quoted(p.message, out);
        out += ",\"text\":";
        append_quoted(p.text, out);
        out += '}';
    }
    out += ']';
}

// Whether agents would take it. The scope's problem, then the loader's.
net::Response verdict(const Ruleset& r, bool& good) {
    const std::string scope = scope_problem(r.scope);
    const RulesCheck check = check_rules(r.files);
    remote::Codec codec;
    const bool fits = static_cast<bool>(codec.encode(remote::Down{"", remote::Rules{r.name + "@18446744073709551615", r.files, r.scope}}));
    good = scope.empty() && check.errors.empty() && fits;
    std::string body;
    if (!good) {
        body = "{\"error\":";
        append_quoted(!scope.empty() ? scope : !fits ? "the files are larger than 4 MiB together, or 1 MiB compressed" : check.errors[0].text, body);
        body += ',';
    } else {
        body = "{";
    }
    body += "\"rules\":" + std::to_string(check.rules) + ",\"errors\":";
    append(check.errors, body);
    body += ",\"warnings\":";
    append(check.warnings, body);
    return net::Response::of(good ? 200 : 422, "application/json", body + "}");
}

void append(const Ruleset& r, bool contents, std::string& out) {
    out += "{\"name\":";
    append_quoted(r.name, out);
    out += ",\"version\":";
    append_quoted(r.version(), out);
    out += ",\"scope\":";
    append_quoted(r.scope, out);
    out += ",\"position\":" + std::to_string(r.position) + ",\"created\":";
    append_quoted(iso_time(r.created_ns), out);
    out += ",\"author\":";
    append_quoted(r.author, out);
    out += ",\"files\":[";
    for (size_t i = 0; i < r.files.size(); ++i) {
        out += i ? ",{\"name\":" : "{\"name\":";
        append_quoted(r.files[i].first, out);
        out += ",\"bytes\":" + std::to_string(r.files[i].second.size());
        if (contents) {
            out += ",\"content\":";
            append_quoted(r.files[i].second, out);
        }
        out += '}';
    }
    out += ']';
}

// How many agents are to have it, have it, and have refused it.
void append_agents(ApiContext& context, const std::string& version, std::string& out) {
    size_t assigned = 0, applied = 0, refused = 0;
    const auto policy = context.desk.policy();
    for (const AgentRecord& a : context.agents.all()) {
        if (a.relay) continue;
        const auto* rules = policy ? policy->for_agent(a) : nullptr;
        if (!rules || rules->version != version) continue;
        ++assigned;
        applied += a.rules_version == version;
        refused += a.rules_refused == version;
    }
    out += ",\"agents\":{\"assigned\":" + std::to_string(assigned) + ",\"applied\":" + std::to_string(applied) +
           ",\"refused\":" + std::to_string(refused) + "}";
}

std::string author_of(ApiContext& context, const net::Request& request) {
    if (const std::string key = presented_key(request); !key.empty()) return "key " + context.accounts.check_key(key, "admin").value_or("");
    const auto session = context.accounts.session(request.cookie(kCookie));
    return session ? session->user : "";
}

}  // namespace

std::shared_ptr<const Policy> policy_of(RulesetStore& store) {
    std::vector<remote::Rules> rulesets;
    for (Ruleset& r : store.current()) rulesets.push_back({r.version(), std::move(r.files), r.scope});
    return std::make_shared<const Policy>(std::move(rulesets));
}

net::Response get_rulesets(ApiContext& context, const net::Request&, const std::string&) {
    std::string body = "{\"rulesets\":[";
    bool first = true;
    for (const Ruleset& r : context.rulesets.current()) {
        if (!std::exchange(first, false)) body += ',';
        append(r, false, body);
        append_agents(context, r.version(), body);
        body += '}';
    }
    return net::Response::of(200, "application/json", body + "]}");
}

net::Response get_ruleset(ApiContext& context, const net::Request& request, const std::string& part) {
    std::optional<uint64_t> number;
    for (const auto& [name, value] : net::parse_pairs(request.query)) {
        if (name != "number" || value.empty() || value.size() > 18 || value.find_first_not_of("0123456789") != value.npos)
            return json_error(400, "the parameters are number, of a version that is kept");
        number = std::stoull(value);
    }
    const auto found = context.rulesets.find(part, number);
    if (!found) return json_error(404, "there is no such ruleset");
    std::string body;
    append(*found, true, body);
    append_agents(context, found->version(), body);
    body += ",\"numbers\":[";
    bool first = true;
    for (const uint64_t n : context.rulesets.numbers(part)) body += (std::exchange(first, false) ? "" : ",") + std::to_string(n);
    return net::Response::of(200, "application/json", body + "]}");
}

net::Response check_ruleset(ApiContext&, const net::Request& request, const std::string&) {
    const auto ruleset = parsed(request.body);
    if (!ruleset) return json_error(400, ruleset.error());
    bool good = false;
    return verdict(*ruleset, good);
}

net::Response put_ruleset(ApiContext& context, const net::Request& request, const std::string& part) {
    if (!good_name(part)) return json_error(400, "the name must be 1 to 64 of the characters a-z A-Z 0-9 . _ - and not 'check'");
    auto ruleset = parsed(request.body);
    if (!ruleset) return json_error(400, ruleset.error());
    ruleset->name = part;
    ruleset->author = author_of(context, request);
    bool good = false;
    net::Response refused = verdict(*ruleset, good);
    if (!good) return refused;
    std::lock_guard lock(context.policy_mutex);  // policies come into force in the order of their versions
    const auto now = context.rulesets.current();
    const bool known = std::any_of(now.begin(), now.end(), [&](const Ruleset& r) { return r.name == part; });
    if (!known && now.size() >= Policy::kMostRulesets) return json_error(409, "there are 64 rulesets already; remove one first");
    const auto number = context.rulesets.put(*ruleset);
    if (!number) return json_error(500, number.error());
    ruleset->number = *number;
    context.desk.set_policy(policy_of(context.rulesets));
    context.log("Rules " + ruleset->version() + " are in force, by " + harmless(ruleset->author) + ".");
    std::string body = "{\"version\":";
    append_quoted(ruleset->version(), body);
    body += ',';
    body.append(refused.body, 1);
    return net::Response::of(200, "application/json", std::move(body));
}

net::Response remove_ruleset(ApiContext& context, const net::Request& request, const std::string& part) {
    std::lock_guard lock(context.policy_mutex);
    const auto removed = context.rulesets.remove(part);
    if (!removed) return json_error(500, removed.error());
    if (!*removed) return json_error(404, "there is no such ruleset");
    context.desk.set_policy(policy_of(context.rulesets));
    context.log("The ruleset " + harmless(part) + " was removed by " + harmless(author_of(context, request)) + ".");
    return net::Response::of(200, "application/json", "{\"ok\":true}");
}

}  // namespace undercoat::collector
