// What is left to do of many conditions on events of one type.
//
// Checks whose verdict the type alone decides are taken out; conditions that share a part of their conjunction stand behind
// one test of it; parts that are left in several places are evaluated once for each event. Conditions are free of effects,
// so their parts may be tested in any order: what is shared by many comes first, then what is cheap.
//
// Must stay true: steps go forward only, but for calls of parts, which nest at most as deep as conditions do; a Plan's size
// is linear in that of the conditions.
#pragma once

#include "rules/vm/program.h"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace undercoat::rules {

struct Step {
    enum class Op : uint8_t {
        test,   // a check that stands here only: its verdict decides between yes and no
        shared, // a check that stands in several places
        part,   // a part that stands in several places; argument: its index
        match,  // the condition of that number holds; on at yes
        hold,   // the part holds
        fail,   // the part does not hold
        end,    // all conditions are decided
    };
    Op op;
    uint32_t argument = 0;
    uint32_t yes = 0, no = 0;  // indexes of steps
};

struct Plan {
    std::vector<Step> steps;  // from 0
    std::vector<uint32_t> part_start;
};

// A condition: the root of its graph, and the number under which it is reported.
struct PlannedCondition {
    uint32_t formula;
    uint32_t number;
};

// verdict: of a check with by_type, on the type that the plan is for.
Plan make_plan(const Program& program, std::span<const PlannedCondition> conditions,
               const std::function<bool(uint32_t check)>& verdict);

}  // namespace undercoat::rules
