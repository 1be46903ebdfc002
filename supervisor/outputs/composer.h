// What configuration adds to the outputs of rules: append_output and static fields.
//
// Must stay true: what is added depends on the rule only, so it is worked out once for each rule; a template that does
// not parse is said at the start and left out.
#pragma once

#include "rules/output_template.h"
#include "rules/ruleset/ruleset.h"
#include "supervisor/outputs/alert.h"
#include "supervisor/outputs/settings.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace undercoat::outputs {

class Composer {
public:
    using Warn = std::function<void(const std::string&)>;
    Composer(const std::vector<AppendedOutput>& append, const rules::Catalogue& catalogue, const Warn& warn);

    // The message and the sorted fields of an alert of this rule on this event. Values live as long as event and arena.
    void compose(const rules::Rule& rule, rules::EventView& event, rules::Arena& arena, std::string& message,
                 std::vector<AlertField>& fields);
    // Whether what is added to any rule's output reads this field.
    bool reads(std::string_view field) const;
    // Other rules are in use now.
    void forget() { by_rule_.clear(); }

private:
    struct Extra {
        AppendedOutput what;
        std::vector<rules::OutputTemplate> texts;  // of extra_output and of the suggested fields
        std::vector<rules::OutputTemplate> plain_fields;                          // their fields() are taken
        std::vector<std::pair<std::string, rules::OutputTemplate>> formatted;     // key and text
    };
    static bool fits(const AppendedOutput& a, const rules::Rule& rule);

    std::vector<Extra> extras_;
    std::map<const rules::Rule*, std::vector<const Extra*>> by_rule_;
};

}  // namespace undercoat::outputs
