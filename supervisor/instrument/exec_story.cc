// Executions (see handler.h): one event for each execve and execveat, with the result that it had.
//
// At the trap the outcome is inferred. A failure is recorded at once; otherwise the execution is pending until the first
// trap of the new image, when /proc shows what was executed. A trap of the old image instead says that it failed. A failure
// is looked at once more, too: what it was judged by may have changed before the kernel looked.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <utility>

#include "supervisor/instrument/fileinfo.h"
#include "supervisor/instrument/handler.h"
#include "supervisor/instrument/stack_copy.h"
#include "supervisor/instrument/target.h"

namespace undercoat::instrument {

using wire::Call;
using wire::Counter;
using wire::RecordKind;
using wire::Tag;

namespace {

bool is(const HeldCall& c, Call call) { return c.call == static_cast<uint16_t>(call); }

// What execve will return, and what file it names. A path judged good lately is not looked into again.
Verdict judge_exec(const View& v, int directory, const char* path, int flags, ExecCache& cache, ExecFile& file) {
    if (flags == 0 && cache.find(v, path, file)) return inferred(0);
    Found f;
    ExecTrail trail;
    const Verdict r = infer_exec(v, directory, path, flags, &f, &trail);
    file = {};
    if (!f) return r;
    file.known = true;
    file.changed = FileKey::of(f.st).changed;
    file.keeps_rights = (f.st.st_mode & (S_ISUID | S_ISGID)) == 0 && !has_capabilities(f.fd.get());
    file.info = {f.st.st_dev, f.st.st_ino, f.st.st_mode, layer_flags(v.pid(), f.fd.get(), f.st)};
    if (v.access(f, W_OK) == 0) file.info.flags |= wire::kWritableByCaller;
    if (r.known && r.result == 0 && flags == 0) cache.put(v, trail, file);
    return r;
}

}  // namespace

// The argument vector as passed, for an execution that fails: nobody else will ever see it.
void Handler::put_vector(const HeldCall& c, wire::PayloadWriter& out) const {
    const unsigned arg = is(c, Call::execveat) ? 2 : 1;
    const size_t width = c.wide_pointers ? 8 : 4;
    uint8_t pointers[64 * 8];
    char text[wire::kMaxArgs];
    size_t got = 0, n = 0;
    if (c.args[arg] == 0 || read_memory(c.tid, c.args[arg], pointers, 64 * width, &got) != Read::ok) return;
    for (size_t at = 0; at + width <= got && n < sizeof text; at += width) {
        uint64_t address = 0;
        size_t length = 0;
        memcpy(&address, pointers + at, width);
        if (address == 0) break;
        if (read_string(c.tid, address, text + n, sizeof text - n, &length) == Read::fault) break;
        n += length;
        if (n < sizeof text) text[n++] = 0;
    }
    out.put(Tag::argv, 0, text, n);
}

void Handler::begin_exec(TrapBackend& backend, const HeldCall& c, uint32_t ring_slot, Ticket& t) {
    if (!exact_) make_room_for_exec(c.pid, t);
    Captured found;
    wire::PayloadWriter out(t.payload, t.payload + sizeof PendingExec::payload);
    capture_arguments(c, out, found);
    put_order(ring_slot, out);
    if (ring_.stack_wanted(c.call)) put_stack(c, t.trap.ip, out);
    const Rights rights = rights_of(c);
    const View view(c.tid, c.pid, rights.credentials, rights.same_root);
    Verdict v;
    ExecFile file;
    if (found.bad_pointer || found.too_long) v = inferred_error(found.too_long ? ENAMETOOLONG : EFAULT);
    else if (rights.known && !t.blocked && !found.paths[0].cut && !(found.flags & wire::kUnreadable)) {
        const bool at = is(c, Call::execveat);
        v = judge_exec(view, at ? c.as_int(0) : AT_FDCWD, found.paths[0].text, at ? c.as_int(4) : 0, exec_cache_, file);
        if (file.known) out.put(Tag::file, 0, &file.info, sizeof file.info);
    }
    if (!is_current(backend, t) || t.recorded.exchange(1) != 0) return;  // too late: another thread has told it
    const bool fails = v.known && v.result < 0;
    const uint8_t flags = static_cast<uint8_t>(found.flags | (c.foreign ? wire::kForeignAbi : 0));
    if (fails) put_vector(c, out);
    if (exact_) {
        wire::RecordHeader h = header(RecordKind::call, c.call, c.pid, c.tid);
        h.flags = flags;
        book_.put(t.trap.id, h, t.payload, out.size());
        t.tell = true;
    } else if (fails) {
        wire::RecordHeader h = header(RecordKind::call, c.call, c.pid, c.tid);
        h.flags = flags | wire::kInferred;
        h.result = v.result;
        emit(h, t.payload, out.size(), &t);
    }
    const uint64_t mark = exact_ ? 0 : mark_of(c.pid);
    auto guard = table_.lock();
    Process* p = table_.find(c.pid);
    PendingExec* e = p ? table_.take_pending(*p) : nullptr;
    if (!e) {
        // Nobody will follow it: what is expected of it is all that is told.
        wire::count(registry_, Counter::execs_unfollowed);
        guard.unlock();
        if (exact_ || fails) return;
        put_vector(c, out);
        wire::RecordHeader h = header(RecordKind::call, c.call, c.pid, c.tid);
        h.flags = flags | wire::kInferred;
        return static_cast<void>(emit(h, t.payload, out.size(), &t));
    }
    table_.take_stat(*e);
    table_.keep_stat(*e, std::move(t.stat));
    e->tid = static_cast<uint32_t>(c.tid);
    e->call = c.call;
    e->flags = flags;
    e->time = now_ns();
    e->result = v.result;
    e->recorded = fails && !exact_;
    e->telling = false;
    e->file = file;
    e->mark = mark;
    e->size = static_cast<uint16_t>(out.size());
    memcpy(e->payload, t.payload, out.size());
    if (exact_ || e->recorded) return;
    leave_exec(c.pid, *e, *p);
    guard.unlock();
    await_images();
}

// With the table's lock held.
void Handler::leave_exec(pid_t pid, const PendingExec& exec, const Process& p) {
    if (!hand_over_) return;
    LeftExec& l = hand_over_->execs[static_cast<uint32_t>(pid) % HandOver::kExecs];
    __atomic_store_n(&l.pid, 0, __ATOMIC_RELEASE);
    l.call = exec.call;
    l.flags = exec.flags;
    l.time = exec.time;
    l.start_stack = p.start_stack;
    l.arg_start = p.arg_start;
    l.size = exec.size <= LeftExec::kPayload ? exec.size : 0;
    memcpy(l.payload, exec.payload, l.size);
    __atomic_store_n(&l.pid, pid, __ATOMIC_RELEASE);
}

void Handler::withdraw_exec(pid_t pid) {
    if (!hand_over_) return;
    int32_t mine = pid;
    __atomic_compare_exchange_n(&hand_over_->execs[static_cast<uint32_t>(pid) % HandOver::kExecs].pid, &mine, 0, false, __ATOMIC_SEQ_CST,
                                __ATOMIC_SEQ_CST);
}

bool Handler::first_heard(pid_t pid) {
    auto guard = table_.lock();
    Process* p = table_.find(pid);
    return !p || std::exchange(p->unheard, false);
}

// Its record may be in the ring already, as that of the call that is held.
void Handler::tell_left_exec(const HeldCall& c, Ticket& t) {
    LeftExec left{};
    if (hand_over_) left = hand_over_->execs[static_cast<uint32_t>(c.pid) % HandOver::kExecs];
    Stat now;
    if (left.pid != c.pid || !read_stat(c.pid, now)) return;
    // Where the kernel hides the stack nothing tells the images apart.
    if (now.start_stack == 0 || (now.start_stack == left.start_stack && now.arg_start == left.arg_start)) return;
    PendingExec exec{};
    exec.call = left.call;
    exec.flags = left.flags;
    exec.time = left.time;
    exec.size = left.size;
    memcpy(exec.payload, left.payload, std::min<size_t>(left.size, sizeof left.payload));
    if (t.recorded == 0) confirm_exec(c.pid, exec, now, t);
    withdraw_exec(c.pid);
}

uint64_t Handler::mark_of(pid_t pid) {
    uint64_t start_stack = 0;
    {
        auto guard = table_.lock();
        if (const Process* p = table_.find(pid)) start_stack = p->start_stack;
    }
    return start_stack != 0 && stands_fixed(start_stack) ? image_mark(pid, start_stack) : 0;
}

void Handler::settle_exec(const HeldCall& c, Ticket& t) {
    static thread_local PendingExec exec;
    Before was;
    {
        auto guard = table_.lock();
        PendingExec* pending = await_telling(c.pid, guard);
        // Until the new image runs, the other threads of the old one go on; they say nothing about the outcome.
        if (!pending || (static_cast<uint32_t>(c.tid) != pending->tid && c.tid != c.pid)) return;
        was = Before(*table_.find(c.pid));
        was.stat = table_.take_stat(*pending);
        memcpy(&exec, pending, offsetof(PendingExec, payload) + pending->size);
    }
    // A search along PATH: what was not found costs no second look while the search goes on.
    const bool searching = exec.recorded && exec.result == -ENOENT && (is(c, Call::execve) || is(c, Call::execveat));
    Stat now{};
    bool new_image = !searching && is_another_image(c.pid, exec, was, now);
    // Where the stack is hidden nothing is left but that it was to succeed: that the caller goes on is no sign of the contrary, and an
    // execution that is told as failed would be missed. Of another thread's only what a C library begins with is a sign.
    const bool by_itself = static_cast<uint32_t>(c.tid) == exec.tid || is(c, Call::arch_prctl);
    if (!new_image && !searching && now.start_stack == 0 && by_itself && !exec.recorded) new_image = true;
    if (!new_image && static_cast<uint32_t>(c.tid) != exec.tid) return;
    {
        auto guard = table_.lock();
        Process* p = table_.find(c.pid);
        const PendingExec* pending = p ? table_.pending(*p) : nullptr;
        if (!pending || pending->time != exec.time) return;
        table_.drop_pending(*p);
    }
    if (new_image) confirm_exec(c.pid, exec, now, t);
    else if (!exec.recorded) fail_exec(c.pid, exec, -ENOEXEC, t);
    withdraw_exec(c.pid);
}

Handler::Before::Before(const Process& p) : arg_start(p.arg_start), start_stack(p.start_stack), start_time(p.start_time) {
    memcpy(comm, p.comm, sizeof comm);
}

bool Handler::is_another_image(pid_t pid, const PendingExec& exec, Before& was, Stat& now) const {
    if (!read_stat(pid, now, was.stat)) return false;
    if (now.start_stack == 0) return memcmp(now.comm, was.comm, sizeof was.comm) != 0;  // hidden
    return now.arg_start != was.arg_start || now.start_stack != was.start_stack ||
           (exec.mark != 0 && image_mark(pid, was.start_stack) != exec.mark);
}

PendingExec* Handler::await_telling(pid_t pid, std::unique_lock<std::mutex>& guard) {
    constexpr timespec kLook{0, 100'000};
    constexpr int kLooks = 200;
    for (int i = 0;; ++i) {
        Process* p = table_.find(pid);
        PendingExec* pending = p ? table_.pending(*p) : nullptr;
        if (!pending || !pending->telling) return pending;
        if (i == kLooks) return nullptr;  // that thread is stuck with it
        guard.unlock();
        nanosleep(&kLook, nullptr);
        guard.lock();
    }
}

bool Handler::tell_silent(pid_t pid, Ticket& t) {
    static thread_local PendingExec exec;
    Before was;
    {
        auto guard = table_.lock();
        Process* p = table_.find(pid);
        PendingExec* pending = p ? table_.pending(*p) : nullptr;
        if (!pending || pending->recorded || pending->telling) return false;
        pending->telling = true;
        was = Before(*p);
        memcpy(&exec, pending, offsetof(PendingExec, payload) + pending->size);
    }
    Stat now{};
    const bool told = is_another_image(pid, exec, was, now) && now.state != 'Z' && now.state != 'X' &&
                      (was.start_time == 0 || now.start_time == was.start_time);
    if (told) {
        confirm_exec(pid, exec, now, t);
        withdraw_exec(pid);
    }
    auto guard = table_.lock();
    Process* p = table_.find(pid);
    PendingExec* pending = p ? table_.pending(*p) : nullptr;
    if (!pending || pending->time != exec.time) return told;
    if (told) table_.drop_pending(*p);
    else pending->telling = false;
    return told;
}

// Where all are taken by images that say nothing, the oldest that can be told makes room.
void Handler::make_room_for_exec(pid_t pid, Ticket& t) {
    constexpr size_t kTries = 4;
    if (t.second_try || t.blocked) return;
    std::vector<std::pair<uint64_t, pid_t>> oldest;
    {
        auto guard = table_.lock();
        const Process* p = table_.find(pid);
        if (!p || table_.can_pend(*p)) return;
        oldest = table_.silent();
    }
    // The record is another process's, not that of the call that is held.
    uint64_t* const place = std::exchange(t.told_at, nullptr);
    for (size_t i = 0; i < oldest.size() && i < kTries; ++i)
        if (tell_silent(oldest[i].second, t)) break;
    t.told_at = place;
}

// `seen`: its stat, or one without a start time when it is still to be read.
void Handler::confirm_exec(pid_t pid, const PendingExec& exec, const Stat& seen, Ticket& t) {
    memcpy(t.payload, exec.payload, exec.size);
    wire::PayloadWriter out(t.payload + exec.size, t.payload + wire::kMaxRecord - wire::kHeaderSize);
    Snapshot s;
    s.stat = seen;
    wire::ProcInfo before{};
    Credentials rights;
    bool settled = false, whole = true;
    {
        auto guard = table_.lock();
        if (const Process* p = table_.find(pid)) {
            before = p->info;
            rights = p->credentials;
            // Whoever makes a container changes more than the cgroup. The directory is followed by the calls that change it,
            // which the library alone may miss.
            whole = !p->cgroup_told || p->altered || __atomic_load_n(&registry_.cgroups_move, __ATOMIC_RELAXED) != 0 ||
                    registry_.mode == static_cast<uint32_t>(wire::CaptureMode::preload);
            settled = p->rights_settled && p->credentials_known && !p->altered;
        }
    }
    const Executed file{exec.file, settled ? &rights : nullptr};
    if (read_snapshot(pid, s, before.pid != 0 ? &before : nullptr, seen.start_time != 0, &file)) {
        put_short(s, out);
        std::string_view link = s.file_unchanged ? exec.file.exe_link() : std::string_view();
        char text[wire::kMaxPath];
        if (link.empty()) {
            link = {text, read_link(pid, "exe", text, sizeof text)};
            if (s.file_unchanged) exec_cache_.learn_link(exec.file, link);
        }
        put_long(pid, s, link, whole, out);
        auto guard = table_.lock();
        if (Process* p = table_.find(pid)) {
            remember(*p, s);
            p->credentials = s.credentials;
            p->credentials_known = true;
            p->altered = false;
            p->rights_settled = p->cgroup_told = true;
            p->opens_looked_at = 0;
            p->no_clock = false;  // the image's one thread asks the kernel itself
            p->sealed = false;    // a filter that lets the loader work is no obstacle
            registrar_.orphan(p->ring_slot);
            p->ring_slot = 0;
        }
    }
    wire::RecordHeader h = header(RecordKind::call, static_cast<uint16_t>(Call::execve), pid, pid);
    h.time = exec.time;
    h.flags = exec.flags & wire::kForeignAbi;
    emit(h, t.payload, exec.size + out.size(), &t);
    wire::count(registry_, Counter::execs);
    say_of_image(pid, exec.file, s.credentials);
}

// One whose beginning nobody is left who knows.
void Handler::confirm_unknown_exec(pid_t pid, Ticket& t) {
    PendingExec none{};
    none.time = now_ns();
    confirm_exec(pid, none, {}, t);
}

bool Handler::end_exec(pid_t pid, Ticket& t) {
    static thread_local PendingExec exec;
    {
        auto guard = table_.lock();
        Process* p = table_.find(pid);
        const PendingExec* pending = p ? table_.pending(*p) : nullptr;
        if (!pending) return false;
        memcpy(&exec, pending, offsetof(PendingExec, payload) + pending->size);
        table_.drop_pending(*p);
    }
    confirm_exec(pid, exec, {}, t);
    return true;
}

// The kernel refused what looked executable: the reason is not known.
void Handler::fail_exec(pid_t pid, const PendingExec& exec, int64_t result, const Ticket& t) {
    wire::RecordHeader h = header(RecordKind::call, exec.call, pid, static_cast<pid_t>(exec.tid));
    h.time = exec.time;
    h.flags = exec.flags | wire::kInferred;
    h.result = result;
    emit(h, exec.payload, exec.size, &t);
}

}  // namespace undercoat::instrument
