// Struct stat to what the records say of a file.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include "wire/local/record.h"

namespace undercoat::instrument {

// Flags by which layer of an overlay the file lies in: a file of the image is older than the container's first process, or than the
// workload's call that mounted the overlay (overlays.h). `fd`: the file, as `pid` sees it; O_PATH will do. 0 when it is on no overlay.
uint32_t layer_flags(pid_t pid, int fd, const struct stat& st);
// The same of the program of `pid`, which is known to be on one.
uint32_t layer_of_program(pid_t pid, const struct stat& st);
// True when the file (an O_PATH descriptor) has file capabilities, or it cannot be told.
bool has_capabilities(int fd);

}  // namespace undercoat::instrument
