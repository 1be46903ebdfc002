// Cases of rules files: load, legacy_validation.
#include "rules/ruleset/loader.h"
#include "tests/cases/runner.h"

#include <algorithm>

namespace undercoat::conformance {
namespace {

using namespace rules;

bool any_message(const std::vector<Problem>& problems, const std::string& part) {
    return std::any_of(problems.begin(), problems.end(),
                       [&](const Problem& p) { return p.message.find(part) != std::string::npos; });
}

std::string all_messages(const FileResult& result) {
    std::string out;
    for (const auto* list : {&result.errors, &result.warnings})
        for (const Problem& p : *list) out += std::string(name_of(p.code)) + ": " + p.message + "; ";
    return out;
}

std::string described(const Rule& rule, const std::string& key) {
    if (key == "info.condition") return rule.condition_text;
    if (key == "info.output") return rule.output_text;
    if (key == "info.description") return rule.description;
    if (key == "info.capture") return rule.capture ? "true" : "false";
    if (key == "info.capture_duration") return std::to_string(rule.capture_duration_ms);
    return "no such key " + key;
}

std::string load_problem(const YAML::Node& c, const LoadResult& loaded) {
    const FileResult& file = loaded.files.front();
    if (c["expect_ok"].as<bool>() != loaded.ok()) return "got " + all_messages(file);
    for (const auto& e : c["error_contains"])
        if (!any_message(file.errors, e.as<std::string>())) return "error without '" + e.as<std::string>() + "'";
    for (const auto& w : c["warning_contains"])
        if (!any_message(file.warnings, w.as<std::string>())) return "no warning '" + w.as<std::string>() + "'";
    for (const auto& w : c["warning_absent"])
        if (any_message(file.warnings, w.as<std::string>())) return "warning '" + w.as<std::string>() + "'";
    if (c["expect_warnings"] && c["expect_warnings"].as<bool>() == file.warnings.empty()) return all_messages(file);
    if (c["schema_validation"] && (c["schema_validation"].as<std::string>() == "ok") != file.schema_valid)
        return file.schema_valid ? "schema is valid" : "schema is not valid";
    auto rules = loaded.ruleset->rules();
    for (const auto& e : c["compiled_condition"]) {
        auto rule = std::find_if(rules.begin(), rules.end(),
                                 [&](const Rule& r) { return r.name == e.first.as<std::string>(); });
        if (rule == rules.end()) return "rule missing";
        if (rule->compiled_condition != e.second.as<std::string>()) return "compiled to " + rule->compiled_condition;
    }
    for (const auto& e : c["describe"])
        if (rules.empty() || described(rules[0], e.first.as<std::string>()) != e.second.as<std::string>())
            return e.first.as<std::string>() + " differs";
    if (c["num_rules"]) {
        auto enabled = std::count_if(rules.begin(), rules.end(), [](const Rule& r) { return r.enabled; });
        if (enabled != c["num_rules"][""].as<long>()) return std::to_string(enabled) + " rules enabled";
    }
    return "";
}

bool matches(const Problem& p, const YAML::Node& e) {
    if (e["OfCode"] && name_of(p.code) != e["OfCode"].as<std::string>()) return false;
    if (e["OfMessage"]) {
        std::string wanted = e["OfMessage"].as<std::string>(), plain;
        for (char ch : wanted)
            if (ch != '\\') plain += ch;
        if (p.message.find(plain) == std::string::npos) return false;
    }
    return std::any_of(p.locations.begin(), p.locations.end(), [&](const Location& l) {
        return (!e["OfItemType"] || l.item_type == e["OfItemType"].as<std::string>()) &&
               (!e["OfItemName"] || l.item_name == e["OfItemName"].as<std::string>());
    });
}

std::string expectation_problem(const YAML::Node& e, const LoadResult& loaded) {
    std::vector<Problem> problems;
    for (const FileResult& f : loaded.files) {
        if (e["AllErrors"]) problems.insert(problems.end(), f.errors.begin(), f.errors.end());
        if (e["AllWarnings"]) problems.insert(problems.end(), f.warnings.begin(), f.warnings.end());
    }
    std::string kind = e["assert"].as<std::string>();
    if (kind == "True") return loaded.files.front().ok() ? "" : "the first file is not valid";
    if (kind == "Equal")
        return std::to_string(problems.size()) == e["value"].as<std::string>()
                   ? ""
                   : std::to_string(problems.size()) + " problems";
    bool found = std::any_of(problems.begin(), problems.end(), [&](const Problem& p) { return matches(p, e); });
    return found ? "" : "nothing like " + YAML::Dump(e);
}

void validation_case(const YAML::Node& c, Backend& backend, Tally& tally) {
    std::string id = c["id"].as<std::string>();
    std::vector<RulesFile> files;
    for (const auto& f : c["files"]) files.push_back({f["name"].as<std::string>(), f["rules"].as<std::string>()});
    LoadResult loaded = load_rules(files, backend.catalogue());
    std::string problem = loaded.ok() == (c["exit_code"].as<int>() == 0) ? "" : "validity differs";
    for (const auto& e : c["expect"])
        if (problem.empty()) problem = expectation_problem(e, loaded);
    if (problem.empty()) return tally.pass("legacy_validation");
    for (const FileResult& f : loaded.files) problem += " [" + f.name + ": " + all_messages(f) + "]";
    tally.fail("legacy_validation", id, problem);
}

}  // namespace

void run_loader_cases(const YAML::Node& document, Backend& backend, Tally& tally) {
    each_case(document["load"], "load", tally, [&](const YAML::Node& c) {
        std::vector<RulesFile> files = {{c["filename"].as<std::string>(), c["rules"].as<std::string>()}};
        std::string problem = load_problem(c, load_rules(files, backend.catalogue()));
        if (problem.empty()) tally.pass("load");
        else tally.fail("load", c["id"].as<std::string>(), problem);
    });
    each_case(document["legacy_validation"], "legacy_validation", tally,
              [&](const YAML::Node& c) { validation_case(c, backend, tally); });
}

}  // namespace undercoat::conformance
