// See handler.h.
#include "supervisor/instrument/handler.h"

#include <cstring>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "supervisor/instrument/procinfo.h"
#include "supervisor/instrument/target.h"

namespace undercoat::instrument {

using wire::Call;
using wire::Counter;
using wire::RecordKind;
using wire::Tag;

namespace {
bool is(const HeldCall& c, Call call) { return c.call == static_cast<uint16_t>(call); }
}  // namespace

wire::RecordHeader Handler::header(RecordKind kind, uint16_t call, pid_t pid, pid_t tid) const {
    wire::RecordHeader h{};
    h.kind = static_cast<uint16_t>(kind);
    h.call = call;
    h.origin = static_cast<uint8_t>(backend_.origin());
    h.pid = static_cast<uint32_t>(pid);
    h.tid = static_cast<uint32_t>(tid);
    h.time = now_ns();
    return h;
}

bool Handler::emit(Ticket&, const wire::RecordHeader& h, const uint8_t* payload, size_t n) {
    wire::RecordHeader copy = h;
    copy.payload = static_cast<uint16_t>(n);
    return ring_.emit(copy, payload, n);
}

void Handler::put_order(const Seen& seen, wire::PayloadWriter& out) const {
    wire::Order order;
    if (registrar_.head_of(seen.ring_slot, order)) out.put(Tag::order, 0, &order, sizeof order);
}

void Handler::handle(Ticket& t) {
    wire::count(registry_, Counter::traps);
    HeldCall c;
    const bool known = decode(t.trap, c);
    c.pid = c.tid != 0 ? table_.group_of(c.tid) : 0;
    if (c.pid == 0) {
        backend_.proceed(t.trap.id);
        return;
    }
    Seen seen = introduce(c.pid, t);
    if (Registrar::is_request(t.trap)) {
        uint32_t slot = 0;
        auto guard = table_.lock();
        Process* p = table_.find(c.pid);
        const uint64_t start = p ? p->start_time : 0;
        guard.unlock();
        if (registrar_.serve(backend_, t.trap, c.pid, start, &slot)) {
            guard.lock();
            if (Process* q = table_.find(c.pid)) q->ring_slot = slot;
        }
        return;
    }
    settle_exec(c, t);
    if (known) {
        if (is(c, Call::execve) || is(c, Call::execveat)) begin_exec(c, t);
        else if (is(c, Call::exit_group)) record_exit(c, t);
        else if (ring_.wanted(c.call)) record_call(c, seen, t);
    }
    wire::count(registry_, backend_.proceed(t.trap.id) ? Counter::continued : Counter::stale_ids);
}

Handler::Seen Handler::introduce(pid_t pid, Ticket& t) {
    {
        auto guard = table_.lock();
        if (Process* p = table_.find(pid)) return {pid, p->ring_slot};
    }
    Snapshot s;
    if (!read_snapshot(pid, s)) return {pid, 0};
    const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
    {
        auto guard = table_.lock();
        if (Process* p = table_.find(pid)) {
            if (pidfd >= 0) close(pidfd);
            return {pid, p->ring_slot};
        }
        Process* p = table_.insert(pid);
        if (!p) {
            if (pidfd >= 0) close(pidfd);
            return {pid, 0};
        }
        p->pidfd = pidfd;
        p->start_time = s.stat.start_time;
        p->parent = s.stat.ppid;
        p->exe_dev = s.info.exe_dev;
        p->exe_ino = s.info.exe_ino;
        memcpy(p->comm, s.comm, sizeof p->comm);
        epoll_event e{EPOLLIN | EPOLLONESHOT, {.u64 = static_cast<uint64_t>(pid)}};
        if (pidfd >= 0) epoll_ctl(deaths_, EPOLL_CTL_ADD, pidfd, &e);
    }
    wire::PayloadWriter out(t.payload, t.payload + wire::kMaxRecord - wire::kHeaderSize);
    put_short(s, out);
    put_long(pid, s, out);
    wire::RecordHeader h = header(RecordKind::birth, wire::kNoCall, pid, pid);
    h.result = s.stat.ppid;
    emit(t, h, t.payload, out.size());
    wire::count(registry_, Counter::births);
    return {pid, 0};
}

void Handler::settle_exec(const HeldCall& c, Ticket& t) {
    static thread_local PendingExec exec;
    {
        auto guard = table_.lock();
        Process* p = table_.find(c.pid);
        PendingExec* pending = p ? table_.pending(*p) : nullptr;
        if (!pending || (static_cast<uint32_t>(c.tid) != pending->tid && c.tid != c.pid)) return;
        memcpy(&exec, pending, offsetof(PendingExec, payload) + pending->size);
        table_.drop_pending(*p);
    }
    bool new_image = is(c, Call::arch_prctl);
    if (!new_image) {
        Stat now;
        new_image = read_stat(c.pid, now) &&
                    (now.arg_start != exec.arg_start || now.start_stack != exec.start_stack);
    }
    if (new_image) return confirm_exec(c.pid, exec, t);
    wire::RecordHeader h = header(RecordKind::call, exec.call, c.pid, static_cast<pid_t>(exec.tid));
    h.time = exec.time;
    h.flags = exec.flags | wire::kInferred;
    h.result = exec.result != 0 ? exec.result : -ENOEXEC;
    emit(t, h, exec.payload, exec.size);
}

void Handler::confirm_exec(pid_t pid, const PendingExec& exec, Ticket& t) {
    memcpy(t.payload, exec.payload, exec.size);
    wire::PayloadWriter out(t.payload + exec.size, t.payload + wire::kMaxRecord - wire::kHeaderSize);
    Snapshot s;
    if (read_snapshot(pid, s)) {
        put_short(s, out);
        put_long(pid, s, out);
        auto guard = table_.lock();
        if (Process* p = table_.find(pid)) {
            memcpy(p->comm, s.comm, sizeof p->comm);
            p->exe_dev = s.info.exe_dev;
            p->exe_ino = s.info.exe_ino;
            registrar_.orphan(p->ring_slot);
            p->ring_slot = 0;
        }
    }
    wire::RecordHeader h = header(RecordKind::call, static_cast<uint16_t>(Call::execve), pid, pid);
    h.time = exec.time;
    h.flags = exec.flags & wire::kForeignAbi;
    emit(t, h, t.payload, exec.size + out.size());
    wire::count(registry_, Counter::execs);
}

void Handler::begin_exec(const HeldCall& c, Ticket& t) {
    Captured found;
    wire::PayloadWriter out(t.payload, t.payload + sizeof PendingExec::payload);
    capture_arguments(c, out, found);
    Stat before{};
    read_stat(c.pid, before);
    auto guard = table_.lock();
    Process* p = table_.find(c.pid);
    PendingExec* e = p ? table_.take_pending(*p) : nullptr;
    if (!e) return;
    e->tid = static_cast<uint32_t>(c.tid);
    e->call = c.call;
    e->flags = static_cast<uint8_t>(found.flags | (c.foreign ? wire::kForeignAbi : 0));
    e->time = now_ns();
    e->start_stack = before.start_stack;
    e->arg_start = before.arg_start;
    e->result = found.bad_pointer ? -EFAULT : 0;
    e->size = static_cast<uint16_t>(out.size());
    memcpy(e->payload, t.payload, out.size());
}

void Handler::record_exit(const HeldCall& c, Ticket& t) {
    {
        auto guard = table_.lock();
        Process* p = table_.find(c.pid);
        if (!p || p->exited) return;
        p->exited = true;
        registrar_.orphan(p->ring_slot);
        p->ring_slot = 0;
    }
    wire::PayloadWriter out(t.payload, t.payload + wire::kMaxRecord - wire::kHeaderSize);
    wire::RecordHeader h = header(RecordKind::exit, c.call, c.pid, c.tid);
    h.result = (c.as_int(0) & 0xff) << 8;
    emit(t, h, t.payload, out.size());
    wire::count(registry_, Counter::exits);
}

void Handler::process_died(pid_t pid) {
    bool told = false;
    {
        auto guard = table_.lock();
        Process* p = table_.find(pid);
        if (!p) return;
        told = p->exited;
        registrar_.orphan(p->ring_slot);
        table_.erase(pid);
    }
    if (told) return;
    wire::RecordHeader h = header(RecordKind::exit, wire::kNoCall, pid, pid);
    h.result = wire::kStatusUnknown;
    ring_.emit(h, nullptr, 0);
    wire::count(registry_, Counter::exits);
}

void Handler::record_call(const HeldCall& c, const Seen& seen, Ticket& t) {
    Captured found;
    wire::PayloadWriter out(t.payload, t.payload + wire::kMaxRecord - wire::kHeaderSize);
    if (t.registers_only) {
        capture_registers(c, out);
        found.flags |= wire::kUnreadable;
    } else capture_arguments(c, out, found);
    put_order(seen, out);
    wire::RecordHeader h = header(RecordKind::call, c.call, c.pid, c.tid);
    h.flags = static_cast<uint8_t>(found.flags | wire::kResultUnknown | (c.foreign ? wire::kForeignAbi : 0));
    if (t.recorded.exchange(1) == 0) emit(t, h, t.payload, out.size());
}

void Handler::record_registers(Ticket& t) {
    if (t.recorded.exchange(1) != 0) return;
    HeldCall c;
    if (!decode(t.trap, c)) return;
    uint8_t payload[128];
    wire::PayloadWriter out(payload, payload + sizeof payload);
    capture_registers(c, out);
    wire::RecordHeader h = header(RecordKind::call, c.call, 0, c.tid);
    h.flags = wire::kUnreadable | wire::kResultUnknown;
    emit(t, h, payload, out.size());
}

}  // namespace undercoat::instrument
