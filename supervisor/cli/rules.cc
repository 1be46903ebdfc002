// `undercoat rules check|list|describe`: what rules files hold, and whether it loads.
#include "supervisor/cli/commands.h"
#include "supervisor/cli/rules_files.h"
#include "supervisor/fields/catalogue.h"
#include "rules/ruleset/report.h"

#include <boost/json.hpp>

#include <cstdio>
#include <iostream>

namespace undercoat::cli {
namespace {

namespace json = boost::json;

std::string joined(const std::vector<std::string>& words) {
    std::string s;
    for (const std::string& w : words) s += (s.empty() ? "" : ", ") + w;
    return s;
}

std::string joined(const std::vector<rules::FieldRef>& fields) {
    std::vector<std::string> words;
    for (const rules::FieldRef& f : fields) words.push_back(f.text);
    return joined(words);
}

// Block scalars and folded lines end in newlines and hold some.
std::string one_line(std::string_view text) {
    std::string s;
    for (const char c : text) {
        const bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
        if (!blank) s += c;
        else if (!s.empty() && s.back() != ' ') s += ' ';
    }
    while (s.ends_with(' ')) s.pop_back();
    return s;
}

void print_line(const char* name, const std::string& value) {
    if (!value.empty()) std::printf("%-12s %s\n", name, value.c_str());
}

void print_rule(const rules::Rule& r, const rules::Catalogue& catalogue) {
    std::vector<std::string> events;
    const bool all = r.event_types.count() == catalogue.event_types().size();
    if (!all)
        for (const rules::EventTypeId t : r.event_types.to_vector()) events.emplace_back(catalogue.event_types()[t]);
    print_line("Rule", r.name);
    print_line("Description", one_line(r.description));
    print_line("Priority", std::string(rules::to_string(r.priority)));
    print_line("Enabled", r.enabled ? "yes" : "no");
    print_line("Tags", joined(r.tags));
    print_line("Condition", one_line(r.condition_text));
    print_line("Output", one_line(r.output_text));
    print_line("Events", all ? "all types" : joined(events));
    print_line("Fields", joined(r.condition_fields));
    print_line("Operators", joined(r.operators));
    print_line("Macros", joined(r.macros));
    print_line("Lists", joined(r.lists));
    print_line("Exceptions", joined(r.exception_names));
    print_line("Compiled", r.compiled_condition);
}

json::array json_strings(const std::vector<std::string>& words) { return json::array(words.begin(), words.end()); }

void list_definitions(const rules::Ruleset& set, const std::string& what, bool as_json) {
    json::array list;
    if (what == "macros") {
        for (const auto& m : set.info().macros) {
            if (as_json) list.push_back({{"name", m.name}, {"condition", m.condition}, {"used", m.used}});
            else
                std::printf("%-8s %s: %s\n", m.used ? "used" : "unused", m.name.c_str(), one_line(m.condition).c_str());
        }
    } else {
        for (const auto& l : set.info().lists) {
            if (as_json) list.push_back({{"name", l.name}, {"items", json_strings(l.items)}, {"used", l.used}});
            else std::printf("%-8s %s: %s\n", l.used ? "used" : "unused", l.name.c_str(), joined(l.items).c_str());
        }
    }
    if (as_json) std::cout << list << "\n";
}

void list_each_rule(const rules::Ruleset& set, bool as_json) {
    json::array list;
    for (const rules::Rule& r : set.rules()) {
        if (!as_json) {
            std::printf("%-13s %-8s %s\n", std::string(rules::to_string(r.priority)).c_str(),
                        r.enabled ? "enabled" : "disabled", r.name.c_str());
            continue;
        }
        list.push_back({{"name", r.name},
                        {"priority", std::string(rules::to_string(r.priority))},
                        {"enabled", r.enabled},
                        {"description", r.description},
                        {"tags", json_strings(r.tags)}});
    }
    if (as_json) std::cout << list << "\n";
}

}  // namespace

int check_rules(const std::vector<std::string>& paths, bool as_json, bool verbose) {
    const RulesFiles files = read_rules(paths);
    const fields::FieldCatalogue catalogue;
    const rules::LoadResult result = rules::load_rules(files.contents, catalogue);
    std::cout << (as_json ? rules::report_json(result, catalogue) + "\n" : rules::report_text(result, verbose));
    std::cout.flush();
    for (const std::string& message : files.unreadable) std::fprintf(stderr, "undercoat: %s\n", message.c_str());
    return files.unreadable.empty() && result.ok() ? 0 : 1;
}

int list_rules(const std::vector<std::string>& paths, const std::string& what, bool as_json) {
    const RulesFiles files = read_rules(or_bundled(paths));
    const fields::FieldCatalogue catalogue;
    const rules::LoadResult result = rules::load_rules(files.contents, catalogue);
    if (what == "rules") list_each_rule(*result.ruleset, as_json);
    else list_definitions(*result.ruleset, what, as_json);
    return complain(files, result) ? 0 : 1;
}

int describe_rules(const std::string& name, const std::vector<std::string>& paths, bool as_json) {
    const RulesFiles files = read_rules(or_bundled(paths));
    const fields::FieldCatalogue catalogue;
    const rules::LoadResult result = rules::load_rules(files.contents, catalogue);
    const bool fine = complain(files, result);
    std::vector<std::string_view> names;
    for (const rules::Rule& r : result.ruleset->rules()) names.push_back(r.name);
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) {
        const std::string near = rules::nearest_name(name, names);
        std::fprintf(stderr, "undercoat: there is no rule '%s'%s\n", name.c_str(),
                     near.empty() ? "; `undercoat rules list` names them" : ("; did you mean '" + near + "'?").c_str());
        return 1;
    }
    if (as_json) {
        std::cout << rules::report_json(result, catalogue, true, name) << "\n";
        return fine ? 0 : 1;
    }
    bool first = true;
    for (const rules::Rule& r : result.ruleset->rules()) {
        if (!name.empty() && r.name != name) continue;
        if (!first) std::puts("");
        first = false;
        print_rule(r, catalogue);
    }
    return fine ? 0 : 1;
}

}  // namespace undercoat::cli
