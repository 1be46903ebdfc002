// Compiled rules, see ruleset.h.
#include "rules/ruleset/ruleset.h"

#include <algorithm>
#include <set>

namespace undercoat::rules {

Ruleset::Ruleset(std::vector<Rule> rules, std::shared_ptr<const Program> program, size_t event_type_count,
                 RulesetInfo info)
    : rules_(std::move(rules)),
      program_(std::move(program)),
      by_type_(event_type_count),
      needed_event_types_(event_type_count),
      info_(std::move(info)) {
    for (uint32_t i = 0; i < rules_.size(); ++i) {
        if (!rules_[i].enabled) continue;
        needed_event_types_ |= rules_[i].event_types;
        for (EventTypeId t : rules_[i].event_types.to_vector()) by_type_[t].push_back(i);
    }
    collect_needs();
}

void Ruleset::collect_needs() {
    std::set<std::string> seen;
    auto add = [&](const std::vector<FieldRef>& fields) {
        for (const FieldRef& f : fields)
            if (seen.insert(f.text).second) needed_fields_.push_back(f);
    };
    for (const Rule& rule : rules_) {
        if (!rule.enabled) continue;
        add(rule.condition_fields);
        add(rule.output.field_refs());
    }
    std::set<std::string> names;
    for (const Check& check : program_->checks)
        if (check.mode == MatchMode::host_name)
            for (const Value& v : check.values)
                if (v.kind() == Value::Kind::text) names.emplace(v.text());
    host_names_.assign(names.begin(), names.end());
}

RuleMatcher::RuleMatcher(std::shared_ptr<const Ruleset> ruleset)
    : ruleset_(std::move(ruleset)), evaluator_(ruleset_->program()) {
    matched_.reserve(ruleset_->rules().size());
}

void RuleMatcher::evaluate(EventView& event, Arena& arena) {
    evaluator_.begin(event, arena);
    matched_.clear();
    const EventTypeId type = event.type();
    if (type >= plans_.size()) plans_.resize(type + size_t{1});
    if (!plans_[type]) {
        std::vector<PlannedCondition> conditions;
        for (const uint32_t index : ruleset_->rules_for(type)) conditions.push_back({ruleset_->rules()[index].formula, index});
        plans_[type] = std::make_unique<Evaluator::Prepared>(evaluator_.prepare(conditions));
    }
    evaluator_.run(*plans_[type], matched_);
    std::sort(matched_.begin(), matched_.end());
}

}  // namespace undercoat::rules
