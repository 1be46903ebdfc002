// See target.h.
#include "supervisor/instrument/target.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "supervisor/instrument/reach.h"

namespace undercoat::instrument {
namespace {
constexpr size_t kPage = 4096;
constexpr size_t kKernelPathMax = 4096;
// The kernel fills /proc files in pieces of about a page; what is much shorter is the end.
constexpr ssize_t kShortRead = 2048;

bool refused(int error) { return error == EACCES || error == EPERM; }

// Where process_vm_readv is missing (gVisor).
Read read_by_file(pid_t tid, uint64_t address, void* out, size_t n, size_t* got) {
    const int fd = open_proc(tid, "mem", O_RDONLY);
    if (fd < 0) return Read::forbidden;
    while (*got < n) {
        const size_t step = std::min<size_t>(n - *got, kPage - ((address + *got) & (kPage - 1)));
        const ssize_t r = pread(fd, static_cast<char*>(out) + *got, step, static_cast<off_t>(address + *got));
        if (r <= 0) break;
        *got += static_cast<size_t>(r);
    }
    close(fd);
    return *got == 0 ? Read::fault : Read::ok;
}

}  // namespace

Read read_memory(pid_t tid, uint64_t address, void* out, size_t n, size_t* got) {
    *got = 0;
    if (n == 0) return Read::ok;
    iovec local{out, n};
    iovec remote[16];
    unsigned count = 0;
    // One element per page: the kernel reports how many whole elements it could read.
    for (uint64_t at = address, left = n; left != 0 && count < 16; ++count) {
        const size_t step = std::min<uint64_t>(left, kPage - (at & (kPage - 1)));
        remote[count] = {reinterpret_cast<void*>(at), step};
        at += step;
        left -= step;
    }
    ssize_t r = process_vm_readv(tid, &local, 1, remote, count, 0);
    if (r < 0 && errno == EPERM && take_reach(tid)) r = process_vm_readv(tid, &local, 1, remote, count, 0);
    // Not there (gVisor), or refused by a filter that refuses this one only.
    if (r < 0 && (errno == ENOSYS || errno == EPERM)) return read_by_file(tid, address, out, n, got);
    if (r < 0) return errno == EFAULT ? Read::fault : Read::forbidden;
    *got = static_cast<size_t>(r);
    return r == 0 ? Read::fault : Read::ok;
}

Read read_string(pid_t tid, uint64_t address, char* out, size_t capacity, size_t* length) {
    *length = 0;
    size_t got = 0;
    // Most strings are short and end before the page does.
    size_t first = std::min<size_t>(capacity, 256);
    if (Read r = read_memory(tid, address, out, first, &got); r != Read::ok) return r;
    if (const void* nul = memchr(out, 0, got)) {
        *length = static_cast<size_t>(static_cast<const char*>(nul) - out);
        return Read::ok;
    }
    if (got < first) return Read::fault;
    if (capacity > first) {
        if (Read r = read_memory(tid, address + first, out + first, capacity - first, &got); r != Read::ok) return r;
        if (const void* nul = memchr(out + first, 0, got)) {
            *length = static_cast<size_t>(static_cast<const char*>(nul) - out);
            return Read::ok;
        }
        if (got < capacity - first) return Read::fault;
    }
    *length = capacity;
    char rest[512];
    for (size_t at = capacity; at < kKernelPathMax; at += got) {
        const size_t want = std::min(sizeof rest, kKernelPathMax - at);
        if (Read r = read_memory(tid, address + at, rest, want, &got); r != Read::ok) return r;
        if (memchr(rest, 0, got)) return Read::ok;
        if (got < want) return Read::fault;
    }
    return Read::too_long;
}

int open_proc(pid_t tid, const char* what, int flags) {
    char path[64];
    proc_path(path, sizeof path, tid, what);
    const int fd = open(path, flags | O_CLOEXEC);
    return fd < 0 && refused(errno) && take_reach(tid) ? open(path, flags | O_CLOEXEC) : fd;
}

bool stat_proc(pid_t tid, const char* what, struct stat& out) {
    char path[64];
    proc_path(path, sizeof path, tid, what);
    return stat(path, &out) == 0 || (refused(errno) && take_reach(tid) && stat(path, &out) == 0);
}

void proc_path(char* out, size_t capacity, pid_t tid, const char* what) {
    constexpr char kProc[] = "/proc/";
    constexpr size_t kLongest = sizeof kProc + 11;
    if (capacity == 0) return;
    out[0] = 0;
    const size_t n = strlen(what);
    if (capacity < kLongest + 1 + n) return;
    memcpy(out, kProc, sizeof kProc - 1);
    char* at = std::to_chars(out + sizeof kProc - 1, out + kLongest, tid).ptr;
    *at++ = '/';
    memcpy(at, what, n + 1);
}

size_t read_link(pid_t tid, const char* what, char* out, size_t capacity) {
    char path[64];
    proc_path(path, sizeof path, tid, what);
    ssize_t n = readlink(path, out, capacity);
    if (n < 0 && refused(errno) && take_reach(tid)) n = readlink(path, out, capacity);
    return n > 0 ? static_cast<size_t>(n) : 0;
}

size_t read_fd_link(pid_t tid, int fd, char* out, size_t capacity) {
    char what[24];
    if (fd < 0) return 0;
    snprintf(what, sizeof what, "fd/%d", fd);
    return read_link(tid, what, out, capacity);
}

size_t read_proc(pid_t tid, const char* what, char* out, size_t capacity) {
    const int fd = open_proc(tid, what, O_RDONLY);
    if (fd < 0) return 0;
    size_t n = 0;
    while (n < capacity) {
        const ssize_t r = read(fd, out + n, capacity - n);
        if (r <= 0) break;
        n += static_cast<size_t>(r);
        if (r < kShortRead) break;
    }
    close(fd);
    return n;
}

bool same_namespace(pid_t tid, const char* what) {
    char theirs[64], ours[64];
    const size_t n = read_link(tid, what, theirs, sizeof theirs), m = read_link(getpid(), what, ours, sizeof ours);
    if (m == 0) return access("/proc/self/ns", F_OK) == 0;
    return n == m && memcmp(theirs, ours, n) == 0;
}

bool stands_fixed(uint64_t start_stack) {
    constexpr uint64_t kTop = 0x7ffffffff000, kMostVectors = 8 << 20;
    return start_stack >> 32 == 0 || (start_stack <= kTop && start_stack > kTop - kMostVectors);
}

uint64_t image_mark(pid_t pid, uint64_t start_stack) {
    constexpr uint64_t kRandom = 25;
    char auxv[1024];
    const size_t n = read_proc(pid, "auxv", auxv, sizeof auxv), width = start_stack >> 32 == 0 ? 4 : 8;
    for (size_t at = 0; at + 2 * width <= n; at += 2 * width) {
        uint64_t type = 0, address = 0, drawn[2], mark;
        memcpy(&type, auxv + at, width);
        memcpy(&address, auxv + at + width, width);
        if (type != kRandom) continue;
        size_t got = 0;
        if (read_memory(pid, address, drawn, sizeof drawn, &got) != Read::ok || got != sizeof drawn) return 0;
        mark = drawn[0] ^ drawn[1];
        return mark != 0 ? mark : 1;
    }
    return 0;
}

pid_t thread_group_of(pid_t tid) {
    char text[1024];
    const size_t n = read_proc(tid, "status", text, sizeof text - 1);
    text[n] = 0;
    const char* at = strstr(text, "\nTgid:");
    return at ? static_cast<pid_t>(strtol(at + 6, nullptr, 10)) : 0;
}

bool parse_stat(const char* text, size_t n, Stat& s) {
    s = {};
    // The name may hold anything, ") " too: fields begin after the last parenthesis.
    const char* open = static_cast<const char*>(memchr(text, '(', n));
    const char* close = static_cast<const char*>(memrchr(text, ')', n));
    if (!open || !close || close < open) return false;
    memcpy(s.comm, open + 1, std::min<size_t>(static_cast<size_t>(close - open - 1), sizeof s.comm - 1));
    uint64_t field[53] = {};
    const char *at = close + 1, *end = text + n;
    int index = 3;
    for (; index < 53 && at < end; ++index) {
        while (at < end && *at == ' ') ++at;
        if (at >= end || *at == '\n') break;
        if (index == 3) s.state = *at++;
        else {
            const bool negative = *at == '-';
            if (negative) ++at;
            uint64_t v = 0;
            while (at < end && *at >= '0' && *at <= '9') v = v * 10 + static_cast<uint64_t>(*at++ - '0');
            field[index] = negative ? 0 - v : v;
        }
    }
    if (index < 23) return false;
    s.ppid = static_cast<int32_t>(field[4]);
    s.pgrp = static_cast<int32_t>(field[5]);
    s.session = static_cast<int32_t>(field[6]);
    s.tty = static_cast<int32_t>(field[7]);
    s.tpgid = static_cast<int32_t>(field[8]);
    constexpr uint64_t kExiting = 4;  // PF_EXITING of the kernel's task flags (proc(5))
    s.exiting = (field[9] & kExiting) != 0 || s.state == 'Z' || s.state == 'X';
    s.min_faults = field[10];
    s.maj_faults = field[12];
    s.start_time = field[22];
    s.vsize = field[23];
    s.rss = field[24];
    s.start_stack = field[28];
    s.arg_start = field[48];
    s.arg_end = field[49];
    s.env_start = field[50];
    s.env_end = field[51];
    return true;
}

bool read_stat(pid_t pid, Stat& out) {
    UniqueFd file;
    return read_stat(pid, out, file);
}

bool read_stat(pid_t pid, Stat& out, UniqueFd& kept) {
    char text[1024];
    if (!kept) kept.reset(open_proc(pid, "stat", O_RDONLY));
    const auto look = [&] {
        const ssize_t n = kept ? pread(kept.get(), text, sizeof text, 0) : 0;
        return n > 0 && parse_stat(text, static_cast<size_t>(n), out);
    };
    if (!look()) return false;
    if (out.start_stack != 0 || out.state == 'Z' || !take_reach(pid)) return true;
    kept.reset(open_proc(pid, "stat", O_RDONLY));
    return look();
}

}  // namespace undercoat::instrument
