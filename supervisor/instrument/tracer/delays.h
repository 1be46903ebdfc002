// Signs that a look at the workload's memory or files may take as long as the workload likes.
//
// Must stay true: while none was seen, whoever serves a call can be held up by nothing that waits for the workload.
#pragma once

#include <string_view>

#include "supervisor/instrument/trap_backend.h"

namespace undercoat::instrument {

// The call, when it succeeds, brings page faults that programs serve, or mounts that we know nothing of.
bool brings_delays(const Trap& trap);

// A line of this mountinfo(5) text is a file system that a program or another machine serves.
bool has_slow_mounts(std::string_view mountinfo);
// The same for our own mount name space; true when it cannot be read.
bool slow_mounts_here();

}  // namespace undercoat::instrument
