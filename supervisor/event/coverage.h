// Coverage events: the words for their reasons, and how they are made.
//
// Must stay true: the names are part of the interface of rules and metrics; a reason or level that is not known is none.
#pragma once

#include "supervisor/event/event.h"
#include "wire/local/coverage.h"

namespace undercoat::event {

using wire::CoverageLevel, wire::CoverageReason;

struct CoverageWords {
    const char* name;     // evt.arg.reason
    const char* meaning;  // what of the process is not seen, and why
    const char* advice;   // what to do; "" where nothing can be done
};
const CoverageWords& words(CoverageReason reason);
const char* level_name(CoverageLevel level);  // evt.arg.level

// Splits a record's result. False: not a known reason and level.
bool coverage_of(int64_t code, CoverageReason& reason, CoverageLevel& level);

// Makes `e`, whose kind is coverage and whose pid and time are set, an event of type coverage. `detail`: more words, or "".
void fill_coverage(Event& e, CoverageReason reason, CoverageLevel level, std::string_view detail);

}  // namespace undercoat::event
