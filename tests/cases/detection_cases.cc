// Cases of whole rules files over whole captures: legacy_detection.
//
// A case names its capture and its rules by the names of constants in Falco's own test suite; CatWrite is the file cat_write.scap.
#include "rules/ruleset/loader.h"
#include "tests/cases/runner.h"

#include <algorithm>
#include <filesystem>

namespace undercoat::conformance {
namespace {

using namespace rules;

constexpr char kKind[] = "legacy_detection";

// Letters and digits in lower case: what the constant's name and the file's have in common.
std::string plain(const std::string& name) {
    std::string out;
    for (const char c : name)
        if (std::isalnum(static_cast<unsigned char>(c))) out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

std::string find_capture(const std::string& name, const std::vector<std::string>& places) {
    for (const std::string& place : places) {
        std::error_code error;
        for (const auto& file : std::filesystem::directory_iterator(place, error))
            if (file.path().extension() == ".scap" && plain(file.path().stem()) == plain(name)) return file.path();
    }
    return "";
}

std::string find_rules(const std::string& name, const YAML::Node& document, const YAML::Node& others, RulesFile& out) {
    for (const YAML::Node& list : {document["legacy_rules"], others})
        for (const auto& r : list)
            if (r["var"].as<std::string>() == name) {
                out = {r["filename"] ? r["filename"].as<std::string>() : name, r["rules"].as<std::string>()};
                return "";
            }
    return "the rules " + name + " are not among the cases";
}

struct Settings {
    LoadOptions load;
    Matching matching = Matching::first;  // Falco's default
};

// The quoted words of an argument as it stands in the test suite's source.
std::vector<std::string> words_of(const std::string& source) {
    std::vector<std::string> words;
    for (size_t at = 0; (at = source.find('"', at)) != source.npos;) {
        const size_t end = source.find('"', at + 1);
        if (end == source.npos) break;
        words.push_back(source.substr(at + 1, end - at - 1));
        at = end + 1;
    }
    return words;
}

// Of Falco's settings those that change which alerts there are; what concerns their form only is taken without effect.
bool apply_option(const std::string& option, Settings& s) {
    const size_t equals = option.find('=');
    const std::string key = option.substr(0, equals), value = equals == option.npos ? "" : option.substr(equals + 1);
    if (key == "rule_matching") s.matching = value == "all" ? Matching::all : Matching::first;
    else if (key == "priority") {
        const auto priority = priority_named(value);
        if (!priority) return false;
        s.load.least_priority = *priority;
    } else if (key.starts_with("rules[]")) {
        s.load.selections.push_back({key.find("enable") != key.npos, key.ends_with(".tag"), value});
    } else {
        static constexpr std::string_view kForm[] = {"json_", "time_format", "file_output", "stdout_output", "syslog_output",
                                                     "program_output", "http_output", "log_", "buffered_outputs",
                                                     "append_output", "output_timeout", "webserver"};
        return std::any_of(std::begin(kForm), std::end(kForm), [&](std::string_view k) { return key.starts_with(k); });
    }
    return true;
}

std::string apply_arguments(const YAML::Node& args, Settings& s) {
    std::vector<std::string> words;
    for (const auto& a : args)
        for (std::string& w : words_of(a.as<std::string>())) words.push_back(std::move(w));
    for (size_t i = 0; i < words.size(); ++i) {
        const bool last = i + 1 == words.size();
        if (words[i] == "-o" && !last && apply_option(words[i + 1], s)) ++i;
        else if (words[i] == "-D" && !last) s.load.selections.push_back({false, false, "*" + words[++i] + "*"});
        else if (words[i] == "-T" && !last) s.load.selections.push_back({false, true, words[++i]});
        else return "no case runner for the argument " + words[i] + (last ? "" : " " + words[i + 1]);
    }
    return "";
}

// What the suite's own helpers set. The case holds of it no more than the name of the suite's test, which is the last part of its
// origin: DisabledTagsAb, RunTagsC, …SuppressInfo.
void apply_origin(const YAML::Node& c, Settings& s) {
    const std::string origin = (c["src"] ? c["src"] : c["id"]).as<std::string>();
    const std::string id = origin.substr(origin.rfind(':') + 1);
    const auto tags = [&](const std::string& word, bool enable) {
        const size_t at = id.rfind(word);
        if (at == id.npos) return;
        for (const char letter : id.substr(at + word.size()))
            s.load.selections.push_back({enable, true, std::string(1, static_cast<char>(std::tolower(static_cast<unsigned char>(letter))))});
    };
    tags("DisabledTags", false);
    if (id.find("RunTags") != id.npos) s.load.selections.push_back({false, false, "*"});
    tags("RunTags", true);
    if (id.ends_with("SuppressInfo")) s.load.least_priority = Priority::notice;
}

struct Outcome {
    std::string problem;
    bool by_enters = false;  // it holds if each enter of a call is an event, too
};

Outcome expectation_outcome(const YAML::Node& e, const std::vector<Alert>& alerts) {
    const auto priority = e["OfPriority"] ? priority_named(e["OfPriority"].as<std::string>()) : std::nullopt;
    size_t n = 0, entered = 0;
    for (const Alert& a : alerts) {
        if ((e["OfRule"] && a.rule != e["OfRule"].as<std::string>()) || (priority && a.priority != *priority)) continue;
        ++n;
        entered += a.had_enter;
    }
    const std::string kind = e["assert"].as<std::string>();
    const bool equal = kind == "Equal" && e["value"];
    const size_t wanted = equal ? std::stoul(e["value"].as<std::string>()) : 0;
    if (kind == "Zero" ? n == 0 : kind == "NotZero" ? n != 0 : equal && n == wanted) return {};
    return {std::to_string(n) + " alerts where the case wants " + YAML::Dump(e), equal && entered > 0 && wanted == n + entered};
}

// Whether another case wants the same rules to load, and this one has no arguments that could make them fail.
bool loads_elsewhere(const YAML::Node& c, const YAML::Node& document) {
    const std::string rules = YAML::Dump(c["rules_files"]);
    for (const auto& other : document["legacy_detection"])
        if (c["args"].size() == 0 && (!other["exit_code"] || other["exit_code"].as<int>() == 0) && YAML::Dump(other["rules_files"]) == rules)
            return true;
    return false;
}

void detection_case(const YAML::Node& c, const YAML::Node& document, const YAML::Node& rules,
                    const std::vector<std::string>& places, Backend& backend, Tally& tally) {
    const std::string id = c["id"].as<std::string>(), name = c["capture"].as<std::string>();
    if (!backend.reads_captures()) return tally.skip(kKind, id, "this backend reads no captures");
    const std::string capture = find_capture(name, places);
    if (capture.empty()) return tally.skip(kKind, id, "the capture " + name + " is not there");
    std::vector<RulesFile> files;
    for (const auto& f : c["rules_files"])
        if (std::string why = find_rules(f.as<std::string>(), document, rules, files.emplace_back()); !why.empty())
            return tally.skip(kKind, id, why);
    Settings settings;
    if (std::string why = apply_arguments(c["args"], settings); !why.empty()) return tally.skip(kKind, id, why);
    apply_origin(c, settings);
    const LoadResult loaded = load_rules(files, backend.catalogue(), settings.load);
    const bool fails = c["exit_code"] && c["exit_code"].as<int>() != 0;
    if (!loaded.ok()) {
        if (fails) return tally.pass(kKind);
        for (const FileResult& f : loaded.files)
            if (!f.ok()) return tally.fail(kKind, id, f.name + ": " + f.errors.front().message);
    }
    if (fails && loads_elsewhere(c, document)) return tally.skip(kKind, id, "it is to fail by settings that the case does not hold");
    if (fails) return tally.fail(kKind, id, "it is to fail, and loads");
    auto alerts = backend.replay(loaded.ruleset, settings.matching, capture);
    if (auto* why = std::get_if<std::string>(&alerts)) return tally.skip(kKind, id, *why);
    for (const auto& e : c["expect"]) {
        // Falco of today gives rules one event for a call; the suite's counts are of older days, when its enter was one, too.
        const Outcome o = expectation_outcome(e, std::get<0>(alerts));
        if (!o.problem.empty() && !o.by_enters) return tally.fail(kKind, id, o.problem);
    }
    tally.pass(kKind);
}

}  // namespace

void run_detection_cases(const YAML::Node& document, const YAML::Node& rules, const std::vector<std::string>& places,
                         Backend& backend, Tally& tally) {
    each_case(document["legacy_detection"], kKind, tally,
              [&](const YAML::Node& c) { detection_case(c, document, rules, places, backend, tally); });
}

}  // namespace undercoat::conformance
