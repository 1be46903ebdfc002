// Struct stat to what the records say of a file.
#pragma once

#include <sys/stat.h>

#include "wire/local/record.h"

namespace undercoat::instrument {

// Flags by which layer of an overlay the file lies in: a file of the image is older than the container's first process.
// `fd`: the file, O_PATH will do. 0 when it is on no overlay.
uint32_t layer_flags(int fd, const struct stat& st);
// The same of a file that is known to be on one.
uint32_t layer_by_age(const struct stat& st);
// True when the file (an O_PATH descriptor) has file capabilities, or it cannot be told.
bool has_capabilities(int fd);

}  // namespace undercoat::instrument
