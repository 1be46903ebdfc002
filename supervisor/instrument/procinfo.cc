// See procinfo.h.
#include "supervisor/instrument/procinfo.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "supervisor/instrument/fileinfo.h"
#include "supervisor/instrument/trap_ring.h"
#include "wire/local/handover.h"

namespace undercoat::instrument {

nlink_t links_of_memfds() {
    static const nlink_t links = [] {
        const UniqueFd fd(memfd_create("", MFD_CLOEXEC));
        struct stat st;
        return fd && fstat(fd.get(), &st) == 0 ? st.st_nlink : 0;
    }();
    return links;
}

bool writable(const struct stat& st, int exe, const wire::ProcInfo& info) {
    const bool owner = info.euid == st.st_uid && st.st_mode & S_IWUSR;
    const bool group = info.egid == st.st_gid && st.st_mode & S_IWGRP;
    const bool override = info.cap_effective & 2;  // CAP_DAC_OVERRIDE
    if (!owner && !group && !(st.st_mode & S_IWOTH) && !override) return false;
    return exe < 0 || syscall(SYS_faccessat2, exe, "", W_OK, AT_EMPTY_PATH | AT_EACCESS) == 0 || errno != EROFS;
}

namespace {

using wire::Tag;

// CLOCK_REALTIME of boot, so that clock ticks since boot become times.
uint64_t boot_time_ns() {
    static const uint64_t boot = [] {
        timespec up;
        clock_gettime(CLOCK_BOOTTIME, &up);
        return now_ns() - (static_cast<uint64_t>(up.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(up.tv_nsec));
    }();
    return boot;
}

uint64_t time_ns(const timespec& t) {
    return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
}

// Up to `n` numbers after a label of status, e.g. "\nUid:".
void numbers(const char* text, const char* label, int base, uint64_t* out, int n) {
    const char* at = strstr(text, label);
    if (!at) return;
    at += strlen(label);
    for (int i = 0; i < n && *at != 0 && *at != '\n'; ++i) {
        char* end = nullptr;
        out[i] = strtoull(at, &end, base);
        if (end == at) return;
        at = end;
    }
}

// The last number of a line: NSpid: and its like list one per name space, innermost last.
uint32_t innermost(const char* text, const char* label, uint32_t otherwise) {
    uint64_t v[8];
    std::fill(v, v + 8, UINT64_MAX);
    numbers(text, label, 10, v, 8);
    uint32_t last = otherwise;
    for (uint64_t x : v)
        if (x != UINT64_MAX) last = static_cast<uint32_t>(x);
    return last;
}

bool is_memfd(pid_t pid) {
    char link[16];
    return read_link(pid, "exe", link, sizeof link) >= 7 && memcmp(link, "/memfd:", 7) == 0;
}

// What runs, as stat(2) shows it, and whether that is the unchanged file that was looked at before.
struct Running {
    struct stat st {};
    bool known = false, same = false;
};

Running look_at_exe(pid_t pid, const Executed* executed) {
    Running r;
    r.known = stat_proc(pid, "exe", r.st);
    r.same = r.known && executed && executed->file.known && executed->file.info.dev == r.st.st_dev &&
             executed->file.info.ino == r.st.st_ino && executed->file.changed == time_ns(r.st.st_ctim);
    return r;
}

// `rights_kept`: the caller's rights are those with which the file was judged.
void put_exe_identity(pid_t pid, Running& r, const Executed* executed, bool rights_kept, wire::ProcInfo& info) {
    if (!r.known) return;
    const uint32_t seen = r.same ? executed->file.info.flags : 0;
    const uint32_t layers = wire::kUpperLayer | wire::kLowerLayer;
    if (r.same && rights_kept) info.flags |= seen & (layers | wire::kWritableByCaller);
    // Writable before: on no read-only mount; and in the same layer still.
    else if (seen & wire::kWritableByCaller)
        info.flags |= (seen & layers) | (writable(r.st, -1, info) ? uint32_t{wire::kWritableByCaller} : 0);
    else {
        const UniqueFd exe(open_proc(pid, "exe", O_PATH));
        if (!exe || fstat(exe.get(), &r.st) != 0) return;
        info.flags |= layer_flags(pid, exe.get(), r.st) | (writable(r.st, exe.get(), info) ? uint32_t{wire::kWritableByCaller} : 0);
    }
    if (r.st.st_nlink == links_of_memfds() && is_memfd(pid)) info.flags |= wire::kMemfd;
    info.exe_dev = r.st.st_dev;
    info.exe_ino = r.st.st_ino;
    info.exe_ctime = time_ns(r.st.st_ctim);
    info.exe_mtime = time_ns(r.st.st_mtim);
}

bool starts_with(const char* at, const char* end, const char* name) {
    const size_t n = strlen(name);
    return static_cast<size_t>(end - at) > n && memcmp(at, name, n) == 0 && at[n] == '=';
}

}  // namespace

uint64_t ticks_to_ns(uint64_t ticks) {
    static const uint64_t per_tick = 1'000'000'000 / static_cast<uint64_t>(sysconf(_SC_CLK_TCK));
    return boot_time_ns() + ticks * per_tick;
}

void parse_status(const char* text, wire::ProcInfo& i) {
    uint64_t v[4] = {};
    numbers(text, "\nUid:", 10, v, 4);
    i.uid = static_cast<uint32_t>(v[0]), i.euid = static_cast<uint32_t>(v[1]);
    i.suid = static_cast<uint32_t>(v[2]), i.fsuid = static_cast<uint32_t>(v[3]);
    numbers(text, "\nGid:", 10, v, 4);
    i.gid = static_cast<uint32_t>(v[0]), i.egid = static_cast<uint32_t>(v[1]);
    i.sgid = static_cast<uint32_t>(v[2]), i.fsgid = static_cast<uint32_t>(v[3]);
    numbers(text, "\nCapInh:", 16, &i.cap_inheritable, 1);
    numbers(text, "\nCapPrm:", 16, &i.cap_permitted, 1);
    numbers(text, "\nCapEff:", 16, &i.cap_effective, 1);
    numbers(text, "\nVmSize:", 10, &i.vm_size_kb, 1);
    numbers(text, "\nVmRSS:", 10, &i.vm_rss_kb, 1);
    numbers(text, "\nVmSwap:", 10, &i.vm_swap_kb, 1);
    i.vpid = innermost(text, "\nNSpid:", i.pid);
    i.vpgid = innermost(text, "\nNSpgid:", i.pgid);
    i.vsid = innermost(text, "\nNSsid:", i.sid);
}

namespace {

void from_stat(pid_t pid, Snapshot& s) {
    wire::ProcInfo& i = s.info;
    i.pid = static_cast<uint32_t>(pid);
    i.ppid = static_cast<uint32_t>(s.stat.ppid);
    i.pgid = static_cast<uint32_t>(s.stat.pgrp);
    i.sid = static_cast<uint32_t>(s.stat.session);
    i.tty_nr = static_cast<uint32_t>(s.stat.tty);
    i.start_time = ticks_to_ns(s.stat.start_time);
    i.pgft_min = s.stat.min_faults;
    i.pgft_maj = s.stat.maj_faults;
    memcpy(s.comm, s.stat.comm, sizeof s.comm);
}

void read_rare(pid_t pid, wire::ProcInfo& i) {
    char login[16];
    login[read_proc(pid, "loginuid", login, sizeof login - 1)] = 0;
    i.loginuid = login[0] ? static_cast<uint32_t>(strtoul(login, nullptr, 10)) : UINT32_MAX;
    struct stat ns;
    if (stat_proc(pid, "ns/pid", ns)) i.pidns_ino = ns.st_ino;
}

}  // namespace

namespace {

void read_status(pid_t pid, Snapshot& s) {
    char text[2048];
    text[read_proc(pid, "status", text, sizeof text - 1)] = 0;
    parse_status(text, s.info);
    parse_credentials(text, s.credentials);
}

// Of a process in our pid name space whose execution left its rights alone: status has nothing new to say.
void carry_over(Snapshot& s, const wire::ProcInfo& before, const Credentials& rights) {
    static const uint64_t page_kb = static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) / 1024;
    const wire::ProcInfo now = s.info;
    s.info = before;
    s.info.flags = 0;
    s.info.ppid = now.ppid;
    s.info.pgid = s.info.vpgid = now.pgid;
    s.info.sid = s.info.vsid = now.sid;
    s.info.tty_nr = now.tty_nr;
    s.info.start_time = now.start_time;
    s.info.pgft_min = now.pgft_min;
    s.info.pgft_maj = now.pgft_maj;
    s.info.vm_size_kb = s.stat.vsize / 1024;
    s.info.vm_rss_kb = s.stat.rss * page_kb;
    s.info.vm_swap_kb = 0;  // the image is new
    s.credentials = rights;
}

}  // namespace

bool read_snapshot(pid_t pid, Snapshot& s, const wire::ProcInfo* inherited, bool stat_read, const Executed* executed) {
    if (!stat_read && !read_stat(pid, s.stat)) return false;
    s.info = {};
    from_stat(pid, s);
    Running exe = look_at_exe(pid, executed);
    s.file_unchanged = exe.same;
    const bool kept = exe.same && executed->file.keeps_rights && executed->rights && inherited &&
                      inherited->vpid == inherited->pid && inherited->pid == s.info.pid;
    if (kept) carry_over(s, *inherited, *executed->rights);
    else read_status(pid, s);
    if (inherited) {
        s.info.loginuid = inherited->loginuid;
        s.info.pidns_ino = inherited->pidns_ino;
    } else read_rare(pid, s.info);
    rlimit limit{};
    if (prlimit(pid, RLIMIT_NOFILE, nullptr, &limit) == 0) s.info.fd_limit = limit.rlim_cur;
    put_exe_identity(pid, exe, executed, kept, s.info);
    return true;
}

void inherit_snapshot(pid_t pid, Snapshot& s, const wire::ProcInfo& parent) {
    s.info = parent;
    from_stat(pid, s);
    s.info.vpid = s.info.pid;
    s.info.vpgid = s.info.pgid;
    s.info.vsid = s.info.sid;
}

void put_short(const Snapshot& s, wire::PayloadWriter& out) {
    out.put(Tag::proc, 0, &s.info, sizeof s.info);
    out.put(Tag::comm, 0, s.comm, strnlen(s.comm, sizeof s.comm));
}

namespace {

// The vectors lie in the new image's memory, mostly side by side; where the kernel said they are. `text`: room for both.
void put_vectors(pid_t pid, const Snapshot& s, char* text, size_t capacity, wire::PayloadWriter& out) {
    const Stat& at = s.stat;
    const uint64_t args = at.arg_end - at.arg_start, env = at.env_end - at.env_start;
    size_t n = 0;
    const bool together = at.arg_start != 0 && at.env_start == at.arg_end && args <= wire::kMaxArgs && env <= capacity - args;
    if (together && read_memory(pid, at.arg_start, text, args + env, &n) == Read::ok && n == args + env) {
        out.put(Tag::argv, 0, text, args);
        return out.put(Tag::envp, 0, text + args, std::min(strip_additions(text + args, env), wire::kMaxEnv));
    }
    if (at.arg_start == 0 || read_memory(pid, at.arg_start, text, std::min<uint64_t>(args, wire::kMaxArgs), &n) != Read::ok)
        n = read_proc(pid, "cmdline", text, wire::kMaxArgs);
    out.put(Tag::argv, 0, text, n);
    if (at.env_start == 0 || read_memory(pid, at.env_start, text, std::min<uint64_t>(env, capacity), &n) != Read::ok)
        n = read_proc(pid, "environ", text, capacity);
    out.put(Tag::envp, 0, text, std::min(strip_additions(text, n), wire::kMaxEnv));
}

}  // namespace

void put_long(pid_t pid, const Snapshot& s, std::string_view exe, bool whole, wire::PayloadWriter& out) {
    char text[wire::kMaxArgs + wire::kMaxEnv + 1024];
    if (!exe.empty()) out.put(Tag::exe, 0, exe.data(), exe.size());
    put_vectors(pid, s, text, sizeof text, out);
    if (!whole) return;
    if (const size_t n = read_link(pid, "cwd", text, wire::kMaxPath)) out.put(Tag::cwd, 0, text, n);
    put_cgroup(pid, out);
}

bool put_cgroup(pid_t pid, wire::PayloadWriter& out) {
    char text[1024];
    size_t n = read_proc(pid, "cgroup", text, sizeof text);
    while (n != 0 && text[n - 1] == '\n') --n;
    // One that exits is shown at the root of each hierarchy of version 1, wherever it was.
    Stat now;
    if (n == 0 || (memmem(text, n, ":/\n", 3) && read_stat(pid, now) && now.exiting)) return false;
    out.put(Tag::cgroup, 0, text, n);
    return true;
}

size_t strip_additions(char* block, size_t n) {
    const char* added = nullptr;
    char *end = block + n, *at = block;
    auto next = [&](char* p) {
        char* nul = static_cast<char*>(memchr(p, 0, static_cast<size_t>(end - p)));
        return nul ? nul + 1 : end;
    };
    for (; at < end; at = next(at))
        if (starts_with(at, end, wire::kEnvAdded)) added = at + sizeof wire::kEnvAdded;
    if (!added || added >= end) return n;
    const std::string_view what(added, static_cast<size_t>(end - added));
    const std::string_view letters = what.substr(0, what.find('\0'));
    const bool whole = letters.find('p') != letters.npos, part = letters.find('a') != letters.npos;
    const bool meet = letters.find('m') != letters.npos;
    char* to = block;
    for (at = block; at < end;) {
        char* after = next(at);
        size_t size = static_cast<size_t>(after - at);
        const bool preload = starts_with(at, end, wire::kEnvPreload);
        const bool drop = starts_with(at, end, wire::kEnvAdded) || (meet && starts_with(at, end, wire::kEnvMeet)) ||
                          (preload && whole);
        if (!drop) {
            memmove(to, at, size);
            if (preload && part)
                if (char* colon = static_cast<char*>(memrchr(to, ':', size))) {
                    *colon = 0;
                    size = static_cast<size_t>(colon + 1 - to);
                }
            to += size;
        }
        at = after;
    }
    return static_cast<size_t>(to - block);
}

}  // namespace undercoat::instrument
