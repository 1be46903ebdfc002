// Births and deaths of processes (see handler.h).
//
// A birth is told with as little as possible: after a plain fork, what the parent is known to be is left out.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <sys/epoll.h>
#include <system_error>
#include <thread>
#include <vector>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "supervisor/instrument/handler.h"
#include "supervisor/instrument/reach.h"
#include "supervisor/instrument/target.h"

namespace undercoat::instrument {

using wire::Counter;
using wire::RecordKind;
using wire::Tag;

namespace {
// Most processes end within this time, and cost no descriptor.
constexpr long kInfancyNs = 100'000'000;
}  // namespace

uint32_t Handler::introduce(pid_t pid, Ticket& t, Met how) {
    const uint32_t slot = meet(pid, t, how, t.stat, true);
    if (!t.keep_stat) t.stat.reset();
    return slot;
}

// `file`: its stat file, opened here. `with_ancestors`: those that nobody knows are told before it.
uint32_t Handler::meet(pid_t pid, Ticket& t, Met how, UniqueFd& file, bool with_ancestors) {
    bool known = false;
    uint32_t slot = 0;
    {
        auto guard = table_.lock();
        if (Process* p = await_announced(pid, guard)) {
            p->held |= how == Met::trap;
            if (!p->exited) return p->ring_slot;
            known = true;
            slot = p->ring_slot;
        }
    }
    if (known && !succeeded(pid)) return slot;
    Snapshot s;
    if (!read_stat(pid, s.stat, file)) return 0;
    Newcomer n;
    n.noted = lineage_.parent_of(pid, s.stat.start_time);
    n.parent = n.noted ? n.noted : s.stat.ppid;
    n.family = family_of(n.parent, s.stat);
    if (!n.family.known && with_ancestors && meet_ancestors(n.parent, t, how)) n.family = family_of(n.parent, s.stat);
    n.ring_left = went_on_ ? registrar_.ring_left(pid, s.stat.start_time) : 0;
    if (n.family.plain_fork) inherit_snapshot(pid, s, n.family.info);
    else if (!read_snapshot(pid, s, nullptr, true)) return 0;
    return take_in(pid, s, n, t, how);
}

// The processes from `pid` up to the nearest that is known, told from there on: they were forked and have called for nothing since.
// False: none is known above, and it is not ours to tell of them, or nothing is to be done.
bool Handler::meet_ancestors(pid_t pid, Ticket& t, Met how) {
    std::vector<pid_t> chain;
    for (pid_t at = pid; chain.size() < kMaxProcesses;) {
        {
            auto guard = table_.lock();
            if (table_.find(at)) break;
        }
        Stat s;
        if (at <= 1 || agents_.has(at) || !read_stat(at, s)) return false;
        chain.push_back(at);
        const pid_t noted = lineage_.parent_of(at, s.start_time);
        at = noted ? noted : s.ppid;
    }
    for (; !chain.empty(); chain.pop_back()) {
        UniqueFd file;
        meet(chain.back(), t, how, file, false);
    }
    return true;
}

// The ring's slot.
uint32_t Handler::take_in(pid_t pid, const Snapshot& s, const Newcomer& n, Ticket& t, Met how) {
    const Family& family = n.family;
    bool first_newborn = false, noted_newborn = false;
    {
        auto guard = table_.lock();
        if (Process* p = await_announced(pid, guard)) {
            if (n.ring_left != 0) p->ring_slot = n.ring_left;
            return p->ring_slot;
        }
        Process* p = table_.insert(pid);
        if (!p) return 0;
        remember(*p, s);
        p->start_time = s.stat.start_time;
        p->parent = n.parent;
        p->unheard = how == Met::left;
        p->held = how == Met::trap || family.held || (how == Met::left && holds_);
        p->ring_slot = n.ring_left;
        p->sealed = family.sealed;
        p->cgroup_told = !family.plain_fork || family.cgroup_told;
        if (family.plain_fork) {
            p->credentials = family.credentials;
            p->credentials_known = family.credentials_known;
            p->rights_settled = family.rights_settled;
            p->same_root = family.same_root;
            p->root_known = family.root_known;
        }
        if (!exact_) noted_newborn = table_.note_newborn(*p, &first_newborn);
    }
    if (exact_) {
        // The back end tells its end.
    } else if (!noted_newborn) await_death({pid, s.stat.start_time});
    else if (first_newborn) await_newborns();
    if (!n.noted) lineage_.put(pid, n.parent, s.stat.start_time);
    announce(pid, s, n.parent, !family.plain_fork, family.ring_slot, t);
    return n.ring_left;
}

// With the table's lock held, which is given up meanwhile. The process, if it is known; another thread may be about to tell of it, and
// neither its calls nor its children may be told before.
Process* Handler::await_announced(pid_t pid, std::unique_lock<std::mutex>& guard) {
    constexpr timespec kLook{0, 100'000};
    constexpr int kLooks = 200;
    for (int i = 0;; ++i) {
        Process* p = table_.find(pid);
        if (!p || p->announced) return p;
        if (i == kLooks) {  // that thread is stuck with it: nobody waits for it again
            p->announced = true;
            return p;
        }
        guard.unlock();
        nanosleep(&kLook, nullptr);
        guard.lock();
    }
}

// A process that said that it ends is followed by another one of its number? Its other threads may still call meanwhile.
bool Handler::succeeded(pid_t pid) {
    Stat now;
    if (!read_stat(pid, now)) return false;
    auto guard = table_.lock();
    Process* p = table_.find(pid);
    if (!p || p->start_time == now.start_time) return !p;
    registrar_.orphan(p->ring_slot);
    table_.erase(pid);
    return true;
}

// Whether the process of this number is still that one. Of one that has told of itself it is not known yet when it began: before its
// word came.
bool Handler::is_that(ProcessTable::Newborn& who, const Stat& now) {
    if (who.start_time != 0) return now.start_time == who.start_time;
    constexpr uint64_t kCoarse = 20'000'000;  // ns: two clock ticks
    auto guard = table_.lock();
    Process* p = table_.find(who.pid);
    if (!p || p->start_time != 0) return p && p->start_time == now.start_time;
    if (ticks_to_ns(now.start_time) > p->info.start_time + kCoarse) return false;
    who.start_time = p->start_time = now.start_time;
    p->info.start_time = ticks_to_ns(now.start_time);
    lineage_.put(who.pid, p->parent, now.start_time);
    return true;
}

// Of one that has told of itself, when it began: its ring will be known by that.
void Handler::note_start(pid_t pid) {
    ProcessTable::Newborn who{pid, 0};
    Stat now;
    {
        auto guard = table_.lock();
        const Process* p = table_.find(pid);
        if (!p || p->start_time != 0) return;
    }
    if (read_stat(pid, now)) is_that(who, now);
}

// The kernel tells the end of this process from now on; one that has ended already is told now.
void Handler::await_death(ProcessTable::Newborn who) {
    UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, who.pid, 0)));
    const int why = pidfd ? 0 : errno;
    Stat now;
    // Where there are no pidfds at all (gVisor) the process is looked at again and again.
    const bool gone = why == ESRCH || (why == ENOSYS && (!read_stat(who.pid, now) || now.state == 'Z'));
    if (gone || (why != ESRCH && read_stat(who.pid, now) && !is_that(who, now))) {
        bool same = false;
        {
            auto guard = table_.lock();
            const Process* p = table_.find(who.pid);
            same = p && p->start_time == who.start_time;
        }
        if (same) process_died(who.pid);
        return;
    }
    auto guard = table_.lock();
    Process* p = table_.find(who.pid);
    if (!p || p->start_time != who.start_time || p->pidfd >= 0) return;
    if (!pidfd) {
        table_.note_newborn(*p, nullptr);  // no descriptor left: looked at again
        return;
    }
    epoll_event e{EPOLLIN | EPOLLONESHOT, {.u64 = static_cast<uint64_t>(who.pid)}};
    epoll_ctl(deaths_, EPOLL_CTL_ADD, pidfd.get(), &e);
    p->pidfd = pidfd.release();
}

void Handler::look_after_newborns() {
    awaits_images_ = false;
    tell_silent_images();
    for (const ProcessTable::Newborn& who : table_.take_newborns()) await_death(who);
    bool left = false;
    {
        auto guard = table_.lock();
        left = table_.has_newborns();
    }
    if (left) await_newborns();
}

// Set once for as many as come before it fires.
void Handler::await_images() {
    if (!awaits_images_.exchange(true)) await_newborns();
}

// By a thread of its own: what it reads is memory of processes that nobody holds, and may not answer.
void Handler::tell_silent_images() {
    constexpr unsigned kMostTellers = 4;
    constexpr uint64_t kPatienceNs = 10'000'000'000;
    bool awaited = false;
    std::vector<pid_t> due;
    if (exact_) return;
    {
        const uint64_t now = now_ns();
        auto guard = table_.lock();
        if (!table_.has_pending()) return;
        // One that waits for longer is held up in its execution; its next call or its end will tell.
        for (const auto& [since, pid] : table_.silent()) {
            if (since + kPatienceNs < now) continue;
            awaited = true;
            if (since + kInfancyNs <= now) due.push_back(pid);
        }
    }
    if (awaited) await_images();
    if (due.empty() || image_tellers_ >= kMostTellers) return;
    ++image_tellers_;
    try {
        std::thread([this, due = std::move(due)] {
            const auto ticket = std::make_unique<Ticket>();
            const ReachScope scope;
            for (const pid_t pid : due) tell_silent(pid, *ticket);
            --image_tellers_;
        }).detach();
    } catch (const std::system_error&) {
        --image_tellers_;
    }
}

void Handler::await_newborns() {
    const itimerspec soon{{0, 0}, {0, kInfancyNs}};
    timerfd_settime(newborn_timer_, 0, &soon, nullptr);
}

// What the parent is known to be. A plain fork: nothing that matters can differ between it and this child of its.
Handler::Family Handler::family_of(pid_t parent, const Stat& child) {
    Family f;
    auto guard = table_.lock();
    const Process* p = await_announced(parent, guard);
    if (!p) return f;
    f.known = true;
    f.ring_slot = p->ring_slot;
    f.sealed = p->sealed;
    f.held = p->held;
    f.plain_fork = !p->altered && p->root_known && same_image(*p, child);
    if (!f.plain_fork) return f;
    f.info = p->info;
    f.credentials = p->credentials;
    f.credentials_known = p->credentials_known;
    f.rights_settled = p->rights_settled;
    f.cgroup_told = p->cgroup_told;
    f.same_root = p->same_root;
    f.root_known = p->root_known;
    return f;
}

// With the table's lock held.
bool Handler::same_image(const Process& p, const Stat& s) {
    return memcmp(p.comm, s.comm, sizeof p.comm) == 0 && p.info.vpid == p.info.pid && p.arg_start == s.arg_start &&
           p.start_stack == s.start_stack;
}

// With the table's lock held.
void Handler::remember(Process& p, const Snapshot& s) {
    memcpy(p.comm, s.comm, sizeof p.comm);
    p.info = s.info;
    p.start_stack = s.stat.start_stack;
    p.arg_start = s.stat.arg_start;
}

int Handler::enlist(pid_t pid, wire::MeetKind what) {
    static const auto ticket = std::make_unique<Ticket>();  // one thread calls this
    const ReachScope scope;
    bool known = false;
    {
        auto guard = table_.lock();
        known = table_.find(pid) != nullptr;
    }
    if (!known) introduce(pid, *ticket, Met::word);
    note_start(pid);
    if (what != wire::MeetKind::ring) confirm_unknown_exec(pid, *ticket);
    say_of_unheld(pid, what == wire::MeetKind::entered);
    int fd = -1;
    const int slot = adopt_ring(pid, *ticket, &fd);
    return slot < 0 ? slot : fd;
}

void Handler::note_entered(pid_t pid) {
    const auto ticket = std::make_unique<Ticket>();
    const ReachScope scope;
    introduce(pid, *ticket, Met::trap);
    confirm_unknown_exec(pid, *ticket);
}

// Every process whose parent was noted or that has a ring, as far as it lives.
void Handler::take_up() {
    const auto ticket = std::make_unique<Ticket>();
    const ReachScope scope;
    for (const Registrar::Owner& o : registrar_.owners_left()) {
        Stat now;
        if (read_stat(o.pid, now) && now.start_time == o.start_time) introduce(o.pid, *ticket, Met::left);
        else registrar_.orphan(registrar_.ring_left(o.pid, o.start_time));
    }
    for (const wire::Lineage& l : registry_.lineage) {
        Stat now;
        if (l.pid == 0 || kill(static_cast<pid_t>(l.pid), 0) != 0) continue;
        if (read_stat(static_cast<pid_t>(l.pid), now) && now.start_time == l.start_time) introduce(static_cast<pid_t>(l.pid), *ticket, Met::left);
    }
}

void Handler::announce(pid_t pid, const Snapshot& s, pid_t parent, bool whole, uint32_t parent_ring, Ticket& t) {
    wire::PayloadWriter out(t.payload, t.payload + wire::kMaxRecord - wire::kHeaderSize);
    put_short(s, out);
    char exe[wire::kMaxPath];
    if (whole) put_long(pid, s, {exe, read_link(pid, "exe", exe, sizeof exe)}, true, out);
    put_order(parent_ring, out);
    wire::RecordHeader h = header(RecordKind::birth, wire::kNoCall, pid, pid);
    h.result = parent;
    emit(h, t.payload, out.size());
    wire::count(registry_, Counter::births);
    auto guard = table_.lock();
    if (Process* p = table_.find(pid)) p->announced = true;
}

// At birth the kernel's word for the parent is right, whatever flags the clone had.
void Handler::note_birth(pid_t child) {
    Stat s;
    if (read_stat(child, s)) lineage_.put(child, s.ppid, s.start_time);
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
    struct stat tasks_stat;
    constexpr nlink_t kOneThread = 3;
    if (stat(path, &tasks_stat) == 0 && tasks_stat.st_nlink == kOneThread) {
        char own[16];
        snprintf(own, sizeof own, "%d", c.pid);
        read_thread(own);
    } else if (DIR* tasks = opendir(path)) {
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
    const size_t n = newest_.is(c.pid) ? 0 : note_children(c, children, sizeof children / sizeof *children);
    {
        // Of two threads that end the process at once, or try again after one got stuck, one tells it.
        auto guard = table_.lock();
        Process* p = table_.find(c.pid);
        if (!p || p->exited) return;
        p->exited = true;
        if (t.recorded.exchange(1) != 0) return;
    }
    wire::PayloadWriter out(t.payload, t.payload + wire::kMaxRecord - wire::kHeaderSize);
    if (n != 0) out.put(Tag::children, 0, children, n * sizeof *children);
    put_order(slot, out);
    wire::RecordHeader h = header(RecordKind::exit, c.call, c.pid, c.tid);
    h.result = (c.as_int(0) & 0xff) << 8;
    emit(h, t.payload, out.size(), &t);
    wire::count(registry_, Counter::exits);
}

void Handler::process_died(pid_t pid, int64_t status) {
    bool told = false;
    static thread_local PendingExec exec;
    exec.recorded = true;
    {
        auto guard = table_.lock();
        const PendingExec* const pending = await_telling(pid, guard);
        Process* p = table_.find(pid);
        if (!p) return;
        told = p->exited;
        if (pending)
            memcpy(&exec, pending, offsetof(PendingExec, payload) + pending->size);
        registrar_.orphan(p->ring_slot);
        table_.erase(pid);
    }
    // An image that never trapped: its execution is told from what was seen before.
    if (!exec.recorded) {
        withdraw_exec(pid);
        wire::RecordHeader h = header(RecordKind::call, static_cast<uint16_t>(wire::Call::execve), pid, pid);
        h.time = exec.time;
        h.flags = exec.flags | wire::kInferred;
        emit(h, exec.payload, exec.size);
        wire::count(registry_, Counter::execs);
    }
    if (told) return;
    wire::RecordHeader h = header(RecordKind::exit, wire::kNoCall, pid, pid);
    h.result = status;
    emit(h, nullptr, 0);
    wire::count(registry_, Counter::exits);
}

}  // namespace undercoat::instrument
