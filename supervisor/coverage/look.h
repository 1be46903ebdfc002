// What /proc says of one live process that bears on how it is seen.
//
// Must stay true: the process is hostile and may end or change at any moment: every file is read once and bounded, nothing that
// it controls is opened but as O_PATH or as a plain file; what cannot be known is nullopt, never a guess.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace undercoat::coverage {

// The cheap part: one line of /proc/PID/stat.
struct Stat {
    int64_t pid = 0, ppid = 0;
    uint64_t start_time = 0;   // clock ticks since boot
    uint64_t start_stack = 0;  // of its image; 0 where we may not know
    bool alive = false;        // neither a zombie nor a kernel thread
};
// nullopt: gone. `proc`: "/proc", or a copy of such a tree.
std::optional<Stat> read_stat(const std::string& proc, int64_t pid);

// What holds its calls, of /proc/PID/status.
struct Held {
    int seccomp = -1;      // mode: 0 none, 1 strict, 2 filters; -1 unknown
    int filters = -1;      // how many; -1: the kernel does not say
    int64_t tracer = 0;
    bool no_new_privs = false;
    uint32_t uid[3] = {}, gid[3] = {};  // real, effective, saved
    uint64_t permitted = 0;             // capabilities
    bool alters_ids() const { return uid[0] != uid[1] || gid[0] != gid[1]; }
};
std::optional<Held> read_held(const std::string& proc, int64_t pid);
// Whether there is a filter more than `outside` has, which is a process without ours. nullopt: it cannot be told.
std::optional<bool> has_filter_beyond(const Held& it, const Held& outside);

// What of ours is mapped. nullopt: its maps are closed to us.
struct Mapped {
    bool library = false, ring = false, gadget = false;
};
std::optional<Mapped> read_mapped(const std::string& proc, int64_t pid);

enum class Program : uint8_t { dynamic, fixed, i386, script_or_other };  // fixed: statically linked
std::optional<Program> read_program(const std::string& proc, int64_t pid);
// AT_SECURE of its auxiliary vector.
std::optional<bool> read_secure(const std::string& proc, int64_t pid);
// Whether "ns/mnt" and its like, or "root", are the same file for both.
std::optional<bool> same_link(const std::string& proc, int64_t a, int64_t b, const char* what);
std::string exe_of(const std::string& proc, int64_t pid);  // "" where closed

}  // namespace undercoat::coverage
