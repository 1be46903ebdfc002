// What /proc says of a running process.
//
// Must stay true: every read is bounded; a process that ends meanwhile gives nullopt or fewer values, never an error.
#pragma once

#include "supervisor/state/thread.h"

#include <optional>
#include <string>
#include <vector>

namespace undercoat::state {

// `root` is put before "/proc". Fills everything that a Thread has but descriptors.
std::optional<Thread> read_process(const std::string& root, int64_t pid, size_t text_limit);
// Name of one thread, "" if it is gone.
std::string read_comm(const std::string& root, int64_t pid, int64_t tid);
// Thread group of a thread, or -1.
int64_t read_tgid(const std::string& root, int64_t tid);
std::vector<std::pair<int64_t, FdInfo>> read_fds(const std::string& root, int64_t pid, size_t limit);
std::vector<int64_t> read_tids(const std::string& root, int64_t pid, size_t limit);
// All processes with their parents.
std::vector<std::pair<int64_t, int64_t>> read_parents(const std::string& root);
// Splits NUL-separated strings; at most `limit` bytes are looked at.
std::vector<std::string> split_nul(std::string_view text, size_t limit);
// Falco's form of /proc/PID/cgroup: "cpu=/a" per line, separated by NUL.
std::string cgroups_from_proc(std::string_view text);

}  // namespace undercoat::state
