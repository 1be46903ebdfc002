// Whether rules would load at an agent: the agents' own loader says it.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace undercoat::collector {

struct RulesCheck {
    struct Problem {
        std::string file, message, text;  // text: all of it for people, with the place and the line
        size_t line = 0, column = 0;
    };
    std::vector<Problem> errors, warnings;
    size_t rules = 0;  // that would be in use
};
RulesCheck check_rules(const std::vector<std::pair<std::string, std::string>>& files);

}  // namespace undercoat::collector
