// What /proc says of a process, as TLVs: at birth the short form, at exec the whole.
//
// Must stay true: what cannot be read is left out or zero; our own additions to the environment never appear.
#pragma once

#include <sys/stat.h>

#include "supervisor/instrument/credentials.h"
#include "supervisor/instrument/exec_cache.h"
#include "supervisor/instrument/target.h"
#include "wire/local/record.h"

namespace undercoat::instrument {

struct Snapshot {
    Stat stat{};
    wire::ProcInfo info{};
    char comm[16] = {};
    Credentials credentials;
    bool file_unchanged = false;  // what runs is the file that was looked at before, as it was
};

// Reads stat, status and the executable's identity. `inherited`: the process's or its parent's older information, from which
// login id and pid name space are taken; nullptr: read these too. False: the process is gone.
// `stat_read`: out.stat is filled already.
// `executed`: what was known before an execution; what it cannot have changed is not read again when that file is what runs.
struct Executed {
    ExecFile file;
    const Credentials* rights;  // of a process whose rights plain executions leave as they are; else nullptr
};
bool read_snapshot(pid_t pid, Snapshot& out, const wire::ProcInfo* inherited = nullptr, bool stat_read = false,
                   const Executed* executed = nullptr);
// What a plain fork leaves as it was in the parent, with what `out.stat` (already read) says of the child.
void inherit_snapshot(pid_t pid, Snapshot& out, const wire::ProcInfo& parent);
// Puts Tag::proc and Tag::comm.
void put_short(const Snapshot& s, wire::PayloadWriter& out);
// Puts `exe` (the link of that name), argv and envp; of the `whole`, cwd and cgroup, too, which an execution leaves as they are.
void put_long(pid_t pid, const Snapshot& s, std::string_view exe, bool whole, wire::PayloadWriter& out);

// Puts the cgroup alone. False: it cannot be read, or no longer.
bool put_cgroup(pid_t pid, wire::PayloadWriter& out);

// Whether the caller could write to the file, from its rights in `info`. `exe`: where to ask for a read-only mount, or -1.
bool writable(const struct stat& st, int exe, const wire::ProcInfo& info);
// The kernel's memory files have no links; gVisor's have one.
nlink_t links_of_memfds();

// Clock ticks since boot to nanoseconds since the epoch.
uint64_t ticks_to_ns(uint64_t ticks);

// Takes LD_PRELOAD and UNDERCOAT_* out of a block of NUL-separated strings, as far as its UNDERCOAT_ADDED entry says that
// they are ours. `whole` bytes at `block`, of which `n` remain. Returns the new size.
size_t strip_additions(char* block, size_t n);

// Parses the text of /proc/PID/status into the ids and capabilities of `info`.
void parse_status(const char* text, wire::ProcInfo& info);

}  // namespace undercoat::instrument
