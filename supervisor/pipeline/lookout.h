// Who tells of what is not seen: coverage events of our own making, and each of all of them once.
//
// Must stay true: a process and reason is told once, whoever found it out; no event that tells nothing costs more than a look at
// its flags.
#pragma once

#include "supervisor/coverage/patrol.h"
#include "wire/local/registry.h"

#include <deque>

namespace undercoat::pipeline {

class Lookout {
public:
    // False: a coverage event that says what has been said.
    bool admits(const event::Event& e);
    // What an event shows of the coverage of its process. The list is good until the next call of either.
    std::deque<event::Event>& what_follows(const event::Event& e, const wire::Registry& registry);
    // What /proc shows; now and then (coverage/patrol.h). `now`: CLOCK_MONOTONIC, ns.
    std::deque<event::Event>& look_around(const wire::Registry& registry, uint64_t now);

private:
    void tell(int64_t pid, coverage::Finding finding, std::string_view detail, uint64_t ts);
    coverage::Book book_;
    coverage::Patrol patrol_;
    std::deque<event::Event> told_;
    uint64_t made_ = 0;
};

}  // namespace undercoat::pipeline
