// Results of loading as text and JSON, see report.h.
#include "rules/ruleset/report.h"

#include <boost/json.hpp>

namespace undercoat::rules {
namespace {

namespace json = boost::json;

void append_problem(std::string& out, const std::vector<FileResult>& files, const Problem& p) {
    std::string rule(80, '-');
    std::string indent;
    for (const Location& l : p.locations) {
        out += indent.empty() ? "In " : indent;
        out += l.item_type;
        if (!l.item_name.empty()) out += " '" + l.item_name + "'";
        std::string file = l.position.file < files.size() ? files[l.position.file].name : "";
        out += ": (" + file + ":" + std::to_string(l.position.line) + ":" + std::to_string(l.position.column) + ")\n";
        indent = "    ";
    }
    out += rule + "\n" + p.snippet + "\n" + rule + "\n";
    out += std::string(name_of(p.code)) + " (" + std::string(description_of(p.code)) + "): " + p.message + "\n";
}

void append_problems(std::string& out, const std::vector<FileResult>& files, const std::vector<Problem>& problems,
                     const std::string& kind) {
    if (problems.empty()) return;
    out += std::to_string(problems.size()) + " " + kind + ":\n";
    for (const Problem& p : problems) append_problem(out, files, p);
}

json::array problems_json(const std::vector<FileResult>& files, const std::vector<Problem>& problems) {
    json::array out;
    for (const Problem& p : problems) {
        json::array locations;
        for (const Location& l : p.locations) {
            std::string file = l.position.file < files.size() ? files[l.position.file].name : "";
            locations.push_back({{"item_type", l.item_type},
                                 {"item_name", l.item_name},
                                 {"position", {{"name", file},
                                               {"line", l.position.line},
                                               {"column", l.position.column},
                                               {"offset", l.position.offset}}}});
        }
        json::object context;
        context["locations"] = std::move(locations);
        context["snippet"] = p.snippet;
        out.push_back({{"code", name_of(p.code)},
                       {"codedesc", description_of(p.code)},
                       {"message", p.message},
                       {"context", std::move(context)}});
    }
    return out;
}

json::array strings(const std::vector<std::string>& values) {
    return json::array(values.begin(), values.end());
}

json::object rule_json(const Rule& rule, const Catalogue& catalogue) {
    json::object info, details;
    info["name"] = rule.name;
    info["condition"] = rule.condition_text;
    info["priority"] = to_string(rule.priority);
    info["output"] = rule.output_text;
    info["description"] = rule.description;
    info["enabled"] = rule.enabled;
    info["source"] = rule.source;
    info["capture"] = rule.capture;
    info["capture_duration"] = rule.capture_duration_ms;
    info["tags"] = strings(rule.tags);
    auto names = [](const std::vector<FieldRef>& fields) {
        std::vector<std::string> out;
        for (const FieldRef& f : fields) out.push_back(f.text);
        return strings(out);
    };
    json::array events;
    for (EventTypeId t : rule.event_types.to_vector()) events.push_back(json::string(catalogue.event_types()[t]));
    details["macros"] = strings(rule.macros);
    details["lists"] = strings(rule.lists);
    details["condition_operators"] = strings(rule.operators);
    details["condition_fields"] = names(rule.condition_fields);
    details["output_fields"] = names(rule.output.field_refs());
    details["exception_names"] = strings(rule.exception_names);
    details["exception_operators"] = strings(rule.exception_operators);
    details["exception_fields"] = strings(rule.exception_fields);
    details["events"] = std::move(events);
    details["condition_compiled"] = rule.compiled_condition;
    details["output_compiled"] = rule.output_text;
    details["plugins"] = json::array();
    json::object out;
    out["info"] = std::move(info);
    out["details"] = std::move(details);
    return out;
}

json::object describe_json(const Ruleset& ruleset, const Catalogue& catalogue, const std::string& only_rule) {
    json::object out;
    json::array rules;
    for (const Rule& rule : ruleset.rules())
        if (only_rule.empty() || rule.name == only_rule) rules.push_back(rule_json(rule, catalogue));
    out["rules"] = std::move(rules);
    if (!only_rule.empty()) return out;
    out["required_engine_version"] = ruleset.info().required_engine_version;
    json::array plugins, lists, macros;
    for (const auto& alternatives : ruleset.info().required_plugins) {
        json::array entry;
        for (const PluginVersion& p : alternatives) entry.push_back({{"name", p.name}, {"version", p.version}});
        plugins.push_back(std::move(entry));
    }
    for (const auto& l : ruleset.info().lists) {
        json::object info = {{"name", l.name}, {"items", strings(l.items)}};
        lists.push_back({{"info", std::move(info)}, {"details", {{"used", l.used}}}});
    }
    for (const auto& m : ruleset.info().macros) {
        json::object info = {{"name", m.name}, {"condition", m.condition}};
        macros.push_back({{"info", std::move(info)},
                          {"details", {{"used", m.used}, {"condition_compiled", m.compiled_condition}}}});
    }
    out["required_plugin_versions"] = std::move(plugins);
    out["lists"] = std::move(lists);
    out["macros"] = std::move(macros);
    return out;
}

}  // namespace

std::string problem_text(const Problem& problem, std::span<const FileResult> files) {
    std::string s;
    if (!problem.locations.empty()) {
        const Position& p = problem.locations.back().position;
        s += p.file < files.size() ? files[p.file].name : "rules";
        s += ":" + std::to_string(p.line) + ":" + std::to_string(p.column) + ": ";
    }
    s.append(name_of(problem.code)).append(": ").append(problem.message);
    if (!problem.snippet.empty()) s += "\n" + problem.snippet;
    return s;
}

std::string report_text(const LoadResult& result, bool verbose) {
    std::string out;
    for (const FileResult& f : result.files) {
        out += f.name + ": " + (!f.ok() ? "Invalid" : f.warnings.empty() ? "Ok" : "Ok, with warnings") + "\n";
        append_problems(out, result.files, f.errors, "Errors");
        if (verbose) append_problems(out, result.files, f.warnings, "Warnings");
    }
    return out;
}

std::string report_json(const LoadResult& result, const Catalogue& catalogue, bool describe,
                        const std::string& only_rule) {
    json::array files;
    for (const FileResult& f : result.files) {
        json::object file;
        file["name"] = f.name;
        file["successful"] = f.ok();
        file["errors"] = problems_json(result.files, f.errors);
        file["warnings"] = problems_json(result.files, f.warnings);
        file["schema_valid"] = f.schema_valid;
        files.push_back(std::move(file));
    }
    json::object out;
    out["falco_load_results"] = std::move(files);
    if (describe) out["falco_describe_results"] = describe_json(*result.ruleset, catalogue, only_rule);
    return json::serialize(out);
}

}  // namespace undercoat::rules
