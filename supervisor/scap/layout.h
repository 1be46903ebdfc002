// What each event of a capture carries, by its code.
//
// The tables are generated from layouts.toml (layouts.gen.cc). Codes are those of the format: even for the enter of a call and for
// events that have no two ends, odd for the exit.
#pragma once

#include "wire/local/calls.h"

#include <cstdint>

namespace undercoat::scap {

struct LayoutParam {
    const char* name;  // as the capture's version of the event calls it
    int16_t index;     // the parameter of the event that it becomes; -1: none
};

struct Layout {
    uint16_t event;  // index into event::kEvents; wire::kNoCall: there is no event with this code
    const LayoutParam* params;
    unsigned nparams;
};

extern const Layout kLayouts[];
extern const unsigned kLayoutCount;

// Calls without an event of their own, by the format's number for them; wire::kNoCall where one is not known.
extern const uint16_t kGenericCalls[];
extern const unsigned kGenericCallCount;

}  // namespace undercoat::scap
