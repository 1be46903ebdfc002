// Opens a file that a process has mapped or written, as that process sees it.
//
// Must stay true: the process chooses the file, so nothing is opened that could hold us up or notice: plain files only, no file
// system that a process serves (FUSE); the caller reads with pread, never by mapping (a file cut short would kill us).
#pragma once

#include "base/unique_fd.h"

#include <cstdint>
#include <string>

namespace undercoat::stack {

// What tells whether a file that was looked into is still the same.
struct FileId {
    uint64_t dev = 0, ino = 0, size = 0;
    int64_t mtime_ns = 0;
    auto operator<=>(const FileId&) const = default;
};

// For reading, O_CLOEXEC; empty where that is not possible or not safe. `pid`: whose root it is; 0, or gone: ours.
UniqueFd open_plain(int64_t pid, const std::string& path, FileId& id);

// Whether a mount table (the text of mountinfo) shows a served file system for a device; true when it does not show the device.
bool is_served(const std::string& mountinfo, unsigned major, unsigned minor);

}  // namespace undercoat::stack
