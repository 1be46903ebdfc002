// Reads test files, see rule_tests.h.
#include "supervisor/cli/rule_tests.h"

#include "rules/ruleset/loader.h"
#include "rules/ruleset/yaml_input.h"

#include <boost/json.hpp>

#include <charconv>
#include <filesystem>
#include <initializer_list>

namespace undercoat::cli {
namespace {

namespace json = boost::json;

// Thrown inside this file only.
struct Bad {
    std::string message;
    size_t line;
};

size_t line_of(const YAML::Node& n) { return n.Mark().line < 0 ? 1 : static_cast<size_t>(n.Mark().line) + 1; }

void only_keys(const YAML::Node& map, std::initializer_list<std::string_view> allowed, const char* what) {
    if (!map.IsMap()) throw Bad{std::string(what) + " must be a map", line_of(map)};
    for (const auto& entry : map) {
        const std::string key = entry.first.as<std::string>();
        if (std::find(allowed.begin(), allowed.end(), key) != allowed.end()) continue;
        std::string words;
        for (const std::string_view a : allowed) words.append(words.empty() ? "" : ", ").append(a);
        throw Bad{std::string(what) + " has no key '" + key + "'; there are " + words, line_of(entry.first)};
    }
}

std::string scalar(const YAML::Node& n, const char* what) {
    if (!n.IsScalar()) throw Bad{std::string(what) + " must be a text", line_of(n)};
    return n.Scalar();
}

std::vector<std::string> scalars(const YAML::Node& n, const char* what) {
    if (n.IsScalar()) return {n.Scalar()};
    if (!n.IsSequence()) throw Bad{std::string(what) + " must be a text or a list of them", line_of(n)};
    std::vector<std::string> out;
    for (const auto& item : n) out.push_back(scalar(item, what));
    return out;
}

// Numbers, true, false and null unless they are quoted.
json::value to_json(const YAML::Node& n, unsigned depth = 0) {
    if (depth > 20) throw Bad{"the event is nested too deeply", line_of(n)};
    if (n.IsNull()) return nullptr;
    if (n.IsSequence()) {
        json::array a;
        for (const auto& item : n) a.push_back(to_json(item, depth + 1));
        return a;
    }
    if (n.IsMap()) {
        json::object o;
        for (const auto& entry : n) o[entry.first.as<std::string>()] = to_json(entry.second, depth + 1);
        return o;
    }
    const std::string& text = n.Scalar();
    if (n.Tag() == "!") return json::string(text);
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size()) return number;
    if (text == "true" || text == "false") return text == "true";
    return json::string(text);
}

TestEvent read_event(const YAML::Node& n) {
    only_keys(n, {"type", "fields", "event"}, "an event");
    TestEvent e;
    e.line = line_of(n);
    if (n["event"]) {
        if (n["type"] || n["fields"]) throw Bad{"an event has either 'event', or 'type' and 'fields'", e.line};
        e.json = json::serialize(to_json(n["event"]));
        return e;
    }
    if (!n["type"]) throw Bad{"an event needs 'type', or 'event'", e.line};
    e.type = scalar(n["type"], "type");
    if (!n["fields"]) return e;
    if (!n["fields"].IsMap()) throw Bad{"fields must be a map", line_of(n["fields"])};
    for (const auto& f : n["fields"])
        e.fields.emplace_back(f.first.as<std::string>(), scalars(f.second, "the value of a field"));
    return e;
}

ExpectedAlert read_alert(const YAML::Node& n) {
    ExpectedAlert a;
    a.line = line_of(n);
    if (n.IsScalar()) {
        a.rule = n.Scalar();
        return a;
    }
    only_keys(n, {"rule", "priority", "output", "output_contains"}, "an alert");
    if (!n["rule"]) throw Bad{"an alert needs 'rule'", a.line};
    a.rule = scalar(n["rule"], "rule");
    const auto optional = [&](const char* key, std::optional<std::string>& to) {
        if (n[key]) to = scalar(n[key], key);
    };
    optional("priority", a.priority), optional("output", a.output), optional("output_contains", a.output_contains);
    return a;
}

RuleTest read_test(const YAML::Node& n, const std::filesystem::path& directory) {
    only_keys(n, {"name", "only", "events", "recording", "alerts"}, "a test");
    RuleTest t;
    t.line = line_of(n);
    if (!n["name"]) throw Bad{"a test needs 'name'", t.line};
    t.name = scalar(n["name"], "name");
    if (!n["alerts"]) throw Bad{"the test '" + t.name + "' needs 'alerts'; [] means that none is expected", t.line};
    if (!n["alerts"].IsSequence()) throw Bad{"alerts must be a list", line_of(n["alerts"])};
    for (const auto& a : n["alerts"]) t.alerts.push_back(read_alert(a));
    if (n["only"]) t.only = scalars(n["only"], "only");
    if (n["recording"]) t.recording = directory / scalar(n["recording"], "recording");
    if (n["events"] && !n["events"].IsSequence()) throw Bad{"events must be a list", line_of(n["events"])};
    for (const auto& e : n["events"]) t.events.push_back(read_event(e));
    if (t.events.empty() && t.recording.empty()) throw Bad{"the test '" + t.name + "' has no events", t.line};
    return t;
}

}  // namespace

Result<RuleTestFile> read_rule_tests(const std::string& path) {
    const auto file = rules::read_rules_file(path);
    if (!file) return Error{path + " cannot be read."};
    return parse_rule_tests(file->content, path);
}

Result<RuleTestFile> parse_rule_tests(const std::string& content, const std::string& path) {
    const auto error = [&](size_t line, const std::string& message) {
        return Error{path + ":" + std::to_string(line) + ": " + message + "."};
    };
    try {
        auto documents = rules::load_yaml(content);
        if (const auto* p = std::get_if<rules::YamlProblem>(&documents)) return error(p->line, p->message);
        const auto& nodes = std::get<std::vector<YAML::Node>>(documents);
        const YAML::Node root = nodes.empty() ? YAML::Node() : nodes.front();
        const auto directory = std::filesystem::path(path).parent_path();
        only_keys(root, {"rules", "rule_matching", "tests"}, "a test file");
        RuleTestFile file;
        file.path = path;
        if (root["rules"])
            for (const std::string& r : scalars(root["rules"], "rules")) file.rules.push_back(directory / r);
        if (root["rule_matching"]) {
            const std::string matching = scalar(root["rule_matching"], "rule_matching");
            if (matching != "all" && matching != "first")
                throw Bad{"rule_matching is all or first", line_of(root["rule_matching"])};
            file.first_match = matching == "first";
        }
        if (!root["tests"] || !root["tests"].IsSequence()) throw Bad{"a test file needs a list 'tests'", line_of(root)};
        if (root["tests"].size() == 0) throw Bad{"the list 'tests' is empty, so nothing would be tested", line_of(root["tests"])};
        for (const auto& t : root["tests"]) file.tests.push_back(read_test(t, directory));
        return file;
    } catch (const Bad& bad) {
        return error(bad.line, bad.message);
    } catch (const YAML::Exception& e) {
        return error(e.mark.line < 0 ? 1 : static_cast<size_t>(e.mark.line) + 1, e.msg);
    }
}

}  // namespace undercoat::cli
