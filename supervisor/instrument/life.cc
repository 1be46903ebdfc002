// Births and deaths of processes (see handler.h).
//
// A birth is told with as little as possible: after a plain fork, what the parent is known to be is left out.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "supervisor/instrument/handler.h"
#include "supervisor/instrument/target.h"

namespace undercoat::instrument {

using wire::Counter;
using wire::RecordKind;
using wire::Tag;

uint32_t Handler::introduce(pid_t pid, Ticket& t) {
    {
        auto guard = table_.lock();
        if (Process* p = table_.find(pid)) return p->ring_slot;
    }
    Snapshot s;
    if (!read_snapshot(pid, s)) return 0;
    const pid_t noted = lineage_.parent_of(pid, s.stat.start_time);
    const pid_t parent = noted ? noted : s.stat.ppid;
    UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    bool whole = true;
    uint32_t parent_ring = 0;
    {
        auto guard = table_.lock();
        if (Process* p = table_.find(pid)) return p->ring_slot;
        if (const Process* q = table_.find(parent)) {
            whole = memcmp(q->comm, s.comm, sizeof s.comm) != 0 || q->exe_dev != s.info.exe_dev || q->exe_ino != s.info.exe_ino;
            parent_ring = q->ring_slot;
        }
        Process* p = table_.insert(pid);
        if (!p) return 0;
        p->start_time = s.stat.start_time;
        p->parent = parent;
        p->exe_dev = s.info.exe_dev;
        p->exe_ino = s.info.exe_ino;
        memcpy(p->comm, s.comm, sizeof p->comm);
        epoll_event e{EPOLLIN | EPOLLONESHOT, {.u64 = static_cast<uint64_t>(pid)}};
        if (pidfd) epoll_ctl(deaths_, EPOLL_CTL_ADD, pidfd.get(), &e);
        p->pidfd = pidfd.release();
    }
    if (!noted) lineage_.put(pid, parent, s.stat.start_time);
    announce(pid, s, parent, whole, parent_ring, t);
    return 0;
}

int Handler::enlist(pid_t pid) {
    static const auto ticket = std::make_unique<Ticket>();  // one thread calls this
    bool known = false;
    uint64_t start = 0;
    {
        auto guard = table_.lock();
        if (Process* p = table_.find(pid)) {
            known = true;
            registrar_.orphan(p->ring_slot);
            p->ring_slot = 0;
        }
    }
    if (!known) introduce(pid, *ticket);
    else if (registry_.mode == static_cast<uint32_t>(wire::CaptureMode::preload)) {
        PendingExec none{};
        none.time = now_ns();
        confirm_exec(pid, none, *ticket);
    }
    {
        auto guard = table_.lock();
        const Process* p = table_.find(pid);
        if (!p) return -ESRCH;
        start = p->start_time;
    }
    int fd = -1;
    const int slot = registrar_.make(pid, start, &fd);
    if (slot < 0) return -ENOSPC;
    auto guard = table_.lock();
    if (Process* p = table_.find(pid)) p->ring_slot = static_cast<uint32_t>(slot);
    return fd;
}

void Handler::announce(pid_t pid, const Snapshot& s, pid_t parent, bool whole, uint32_t parent_ring, Ticket& t) {
    wire::PayloadWriter out(t.payload, t.payload + wire::kMaxRecord - wire::kHeaderSize);
    put_short(s, out);
    if (whole) put_long(pid, s, out);
    put_order(parent_ring, out);
    wire::RecordHeader h = header(RecordKind::birth, wire::kNoCall, pid, pid);
    h.result = parent;
    emit(h, t.payload, out.size());
    wire::count(registry_, Counter::births);
}

// The children of every thread, noted with this process as their parent before the kernel gives them another.
size_t Handler::note_children(const HeldCall& c, uint32_t* pids, size_t capacity) {
    char path[300], text[4096];
    size_t n = 0;
    const auto read_thread = [&](const char* tid) {
        snprintf(path, sizeof path, "task/%s/children", tid);
        text[read_proc(c.pid, path, text, sizeof text - 1)] = 0;
        for (char* at = text; *at && n < capacity;) {
            char* end = nullptr;
            const uint32_t pid = static_cast<uint32_t>(strtoul(at, &end, 10));
            if (end == at || pid == 0) break;
            pids[n++] = pid;
            at = end + strspn(end, " ");
        }
    };
    snprintf(path, sizeof path, "/proc/%d/task", c.pid);
    if (DIR* tasks = opendir(path)) {
        while (const dirent* e = readdir(tasks))
            if (e->d_name[0] != '.') read_thread(e->d_name);
        closedir(tasks);
    }
    for (size_t i = 0; i < n; ++i) {
        const pid_t child = static_cast<pid_t>(pids[i]);
        {
            auto guard = table_.lock();
            if (table_.find(child)) continue;
        }
        Stat s;
        if (read_stat(child, s)) lineage_.put(child, c.pid, s.start_time);
    }
    return n;
}

void Handler::record_exit(const HeldCall& c, Ticket& t) {
    uint32_t slot = 0;
    {
        auto guard = table_.lock();
        Process* p = table_.find(c.pid);
        if (!p || p->exited) return;
        slot = p->ring_slot;
    }
    uint32_t children[512];
    const size_t n = note_children(c, children, sizeof children / sizeof *children);
    {
        // Of two threads that end the process at once, or try again after one got stuck, one tells it.
        auto guard = table_.lock();
        Process* p = table_.find(c.pid);
        if (!p || p->exited || t.recorded.exchange(1) != 0) return;
        p->exited = true;
    }
    wire::PayloadWriter out(t.payload, t.payload + wire::kMaxRecord - wire::kHeaderSize);
    if (n != 0) out.put(Tag::children, 0, children, n * sizeof *children);
    put_order(slot, out);
    wire::RecordHeader h = header(RecordKind::exit, c.call, c.pid, c.tid);
    h.result = (c.as_int(0) & 0xff) << 8;
    emit(h, t.payload, out.size());
    wire::count(registry_, Counter::exits);
}

void Handler::process_died(pid_t pid) {
    bool told = false;
    static PendingExec exec;  // one thread calls this
    exec.recorded = true;
    {
        auto guard = table_.lock();
        Process* p = table_.find(pid);
        if (!p) return;
        told = p->exited;
        if (const PendingExec* pending = table_.pending(*p)) exec = *pending;
        registrar_.orphan(p->ring_slot);
        table_.erase(pid);
    }
    // An image that never trapped: its execution is told from what was seen before.
    if (!exec.recorded) {
        wire::RecordHeader h = header(RecordKind::call, static_cast<uint16_t>(wire::Call::execve), pid, pid);
        h.time = exec.time;
        h.flags = exec.flags | wire::kInferred;
        emit(h, exec.payload, exec.size);
        wire::count(registry_, Counter::execs);
    }
    if (told) return;
    wire::RecordHeader h = header(RecordKind::exit, wire::kNoCall, pid, pid);
    h.result = wire::kStatusUnknown;
    emit(h, nullptr, 0);
    wire::count(registry_, Counter::exits);
}

}  // namespace undercoat::instrument
