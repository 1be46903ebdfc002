// See rules_check.h. Fields of an agent's own configuration (static.NAME) are not known here.
#include "collector/policy/rules_check.h"

#include "rules/ruleset/report.h"
#include "supervisor/fields/catalogue.h"

namespace undercoat::collector {

RulesCheck check_rules(const std::vector<std::pair<std::string, std::string>>& files) {
    static const fields::FieldCatalogue catalogue;
    std::vector<rules::RulesFile> contents;
    for (const auto& [name, content] : files) contents.push_back({name, content});
    const rules::LoadResult loaded = rules::load_rules(contents, catalogue, {});
    RulesCheck out;
    const auto add = [&](const std::vector<rules::Problem>& from, std::vector<RulesCheck::Problem>& to) {
        for (const rules::Problem& p : from) {
            RulesCheck::Problem problem{"", p.message, rules::problem_text(p, loaded.files), 0, 0};
            if (!p.locations.empty()) {
                const rules::Position& at = p.locations.back().position;
                problem.file = at.file < loaded.files.size() ? loaded.files[at.file].name : "";
                problem.line = at.line, problem.column = at.column;
            }
            to.push_back(std::move(problem));
        }
    };
    for (const rules::FileResult& file : loaded.files) add(file.errors, out.errors), add(file.warnings, out.warnings);
    for (const rules::Rule& r : loaded.ruleset->rules()) out.rules += r.enabled;
    return out;
}

}  // namespace undercoat::collector
