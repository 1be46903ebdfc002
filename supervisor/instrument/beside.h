// `instrument --beside N`: started by the shim of a container's first process, which goes on as the application and whose
// parent, wherever that is, is not us (wire/local/handover.h, 4.).
//
// Must stay true: the application is answered whatever happens here; of several that are started at once in one container one
// serves, and the others send their applications to it; the application's end is what ends us.
#pragma once

#include "supervisor/instrument/options.h"

namespace undercoat::instrument {

// Returns our exit status.
int run_beside(const Options& o);

}  // namespace undercoat::instrument
