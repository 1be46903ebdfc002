// Looks at a held process: its memory, its descriptors, its links in /proc.
//
// Must stay true: everything read is bounded and fetched once; no lock is held while it runs (any of these calls can block
// for ever in what the workload controls: a page under userfaultfd, a FUSE mapping); nothing here allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/unique_fd.h"

namespace undercoat::instrument {

// How a read of the target's memory went. Those below try with the target's ids where ours are refused (reach.h).
enum class Read { ok, fault, forbidden, too_long };

// Up to `n` bytes at `address`; `got` says how many could be read (fault only when none could).
Read read_memory(pid_t tid, uint64_t address, void* out, size_t n, size_t* got);
// A string without its NUL, at most `capacity` bytes: a longer one is cut there and reported ok with *length == capacity,
// as far as it ends before 4096 bytes; else too_long (the kernel's ENAMETOOLONG).
Read read_string(pid_t tid, uint64_t address, char* out, size_t capacity, size_t* length);

// Text of a link such as /proc/TID/cwd; `what` is the rest of the name. 0 when it cannot be read. Not NUL-terminated.
size_t read_link(pid_t tid, const char* what, char* out, size_t capacity);
size_t read_fd_link(pid_t tid, int fd, char* out, size_t capacity);
// First `capacity` bytes of /proc/TID/`what`; 0 when it cannot be read.
size_t read_proc(pid_t tid, const char* what, char* out, size_t capacity);
// open(2) of /proc/TID/`what`, close-on-exec; with the target's ids where ours are refused (reach.h).
int open_proc(pid_t tid, const char* what, int flags);
// stat(2) of it, alike. False: not to be had.
bool stat_proc(pid_t tid, const char* what, struct stat& out);
// Writes "/proc/TID/what" with its NUL. `what` may be empty.
void proc_path(char* out, size_t capacity, pid_t tid, const char* what);

// Whether a process is in this one's name space; `what`: "ns/mnt", "ns/pid" … A sandbox that has none of the kind has one for all.
bool same_namespace(pid_t tid, const char* what);

// Whether another image of the same size, run with addresses that are not randomised (setarch -R), would stand where this one
// stands: its stack begins at the very top. Rarely true of a randomised one.
bool stands_fixed(uint64_t start_stack);
// What the kernel draws anew for each image (AT_RANDOM), folded; 0 when it cannot be read.
uint64_t image_mark(pid_t pid, uint64_t start_stack);

// The thread group that a thread belongs to, 0 when it is gone.
pid_t thread_group_of(pid_t tid);

// The fields of /proc/PID/stat that we use. Times in clock ticks since boot. Addresses are 0 where we may not know them.
struct Stat {
    char comm[16];
    char state;
    bool exiting;  // its files, memory and cgroups may be gone already
    int32_t ppid, pgrp, session, tty, tpgid;
    uint64_t min_faults, maj_faults, vsize, rss;  // bytes, pages
    uint64_t start_time, start_stack, arg_start, arg_end, env_start, env_end;
};
bool read_stat(pid_t pid, Stat& out);
// The same, of a process that will be looked at again soon: by `kept` if it is open, else it is opened there. The file stays that
// process's, whatever takes its number.
bool read_stat(pid_t pid, Stat& out, UniqueFd& kept);
// The parser behind it, for tests. `text` is the content of a stat file.
bool parse_stat(const char* text, size_t n, Stat& out);

}  // namespace undercoat::instrument
