// See handler.h: the way of one held call.
#include "supervisor/instrument/handler.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "supervisor/instrument/credentials.h"
#include "supervisor/instrument/overlays.h"
#include "supervisor/instrument/reach.h"
#include "supervisor/instrument/socket_facts.h"
#include "supervisor/instrument/stack_copy.h"
#include "supervisor/instrument/target.h"
#include "wire/local/cgroup_files.h"
#include "wire/local/handover.h"

namespace undercoat::instrument {

using wire::Call;
using wire::Counter;
using wire::RecordKind;
using wire::Tag;

namespace {
constexpr uint64_t kLargeFile = 0x8000;  // O_LARGEFILE as the kernel sees it
}

wire::RecordHeader Handler::header(RecordKind kind, uint16_t call, pid_t pid, pid_t tid) const {
    wire::RecordHeader h{};
    h.kind = static_cast<uint16_t>(kind);
    h.call = call;
    h.origin = static_cast<uint8_t>(origin_);
    h.pid = static_cast<uint32_t>(pid);
    h.tid = static_cast<uint32_t>(tid);
    h.time = now_ns();
    return h;
}

bool Handler::emit(wire::RecordHeader h, const uint8_t* payload, size_t n, const Ticket* t) {
    h.payload = static_cast<uint16_t>(n);
    if (h.flags & wire::kUnreadable) wire::count(registry_, Counter::unreadable);
    if (h.flags & wire::kInferred) wire::count(registry_, Counter::inferred);
    return ring_.emit(h, payload, n, t ? t->told_at : nullptr);
}

void Handler::put_order(uint32_t ring_slot, wire::PayloadWriter& out) const {
    wire::Order order;
    if (registrar_.head_of(ring_slot, order)) out.put(Tag::order, 0, &order, sizeof order);
}

void Handler::use(const TrapBackend& backend) {
    origin_ = backend.origin();
    exact_ = backend.exact();
    holds_ = true;
    agents_.foreign_listeners = !exact_;
}

void Handler::handle(TrapBackend& backend, Ticket& t) {
    const ReachScope scope;
    t.tell = false;
    if (t.trap.phase != Trap::Phase::entry) return follow_up(backend, t);
    wire::count(registry_, Counter::traps);
    HeldCall c;
    const bool known = decode(t.trap, c);
    c.pid = c.tid != 0 ? table_.group_of(c.tid, t.since) : 0;
    const bool executes = known && (static_cast<Call>(c.call) == Call::execve || static_cast<Call>(c.call) == Call::execveat);
    t.keep_stat = executes && !exact_;
    t.stat.reset();
    if (c.pid == 0) {
        wire::count(registry_, backend.proceed(t.trap.id) ? Counter::continued : Counter::stale_ids);
        return;
    }
    const bool first = went_on_ && first_heard(c.pid);
    const bool ending = known && static_cast<Call>(c.call) == Call::exit_group;
    const uint32_t ring_slot = introduce(c.pid, t, Met::trap);
    if (first) tell_left_exec(c, t);
    else if (!exact_) settle_exec(c, t);
    if (Registrar::is_request(t.trap)) return give_ring(backend, c, t);
    if (known) {
        switch (static_cast<Call>(c.call)) {
            case Call::execve: case Call::execveat: begin_exec(backend, c, ring_slot, t); break;
            case Call::exit_group: record_exit(c, t); break;
            default:
                if (ring_.wanted(c.call) && !opens_shim(c)) record_call(backend, c, ring_slot, t);
        }
        note_changes(c);
        note_overlay(c, t.registers_only);
    }
    if (ending && keeps(c, t.trap.id)) return;
    answer(backend, c, t);
}

void Handler::hold_end_of(pid_t pid, int wake) {
    wake_ = wake;
    held_end_ = pid;
}

// True: let_end() answers it. Others of its threads that want to end it have room for a few.
bool Handler::keeps(const HeldCall& c, uint64_t id) {
    if (held_end_ != c.pid) return false;
    for (uint64_t& place : hand_over_->ending) {
        uint64_t none = 0;
        if (!__atomic_compare_exchange_n(&place, &none, id, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) && none != id) continue;
        const uint64_t one = 1;
        if (held_end_ == c.pid && write(wake_, &one, sizeof one) == sizeof one) return true;
        return !__atomic_compare_exchange_n(&place, &id, 0, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    }
    return false;
}

void Handler::let_end(TrapBackend& backend) {
    held_end_ = 0;
    if (!hand_over_) return;
    for (uint64_t& place : hand_over_->ending)
        if (const uint64_t id = __atomic_exchange_n(&place, 0, __ATOMIC_SEQ_CST))
            wire::count(registry_, backend.proceed(id) ? Counter::continued : Counter::stale_ids);
}

void Handler::answer(TrapBackend& backend, const HeldCall& c, Ticket& t) {
    Agents now = agents_;
    now.workload = static_cast<pid_t>(__atomic_load_n(&registry_.workload_pid, __ATOMIC_RELAXED));
    now.supervisor = __atomic_load_n(&registry_.supervisor_pid, __ATOMIC_RELAXED);
    const Answer a = c.call == wire::kNoCall ? Answer{} : guard(c, now);
    bool there = false;
    switch (a.kind) {
        case Answer::proceed: there = t.tell ? backend.proceed_and_tell(t.trap.id) : backend.proceed(t.trap.id); break;
        case Answer::fail: there = backend.fail(t.trap.id, a.error); break;
        case Answer::succeed: there = backend.succeed(t.trap.id, 0); break;
    }
    if (t.tell && a.kind != Answer::proceed) finish_call(t.trap.id, -a.error);
    if (a.kind != Answer::proceed) wire::count(registry_, Counter::denied);
    else wire::count(registry_, there ? Counter::continued : Counter::stale_ids);
}

// ld.so opens our library among the first files of every image, because our LD_PRELOAD says so: the program did not ask for
// it. Before it come the program, where ld.so itself was executed, and what else is named in LD_PRELOAD.
bool Handler::opens_shim(const HeldCall& c) {
    const bool at = static_cast<Call>(c.call) == Call::openat;  // glibc; musl's calls open
    if (shim_.empty() || (!at && static_cast<Call>(c.call) != Call::open)) return false;
    const uint64_t flags = c.args[at ? 2 : 1], path_at = c.args[at ? 1 : 0];
    if ((flags & ~kLargeFile) != (O_RDONLY | O_CLOEXEC)) return false;
    {
        auto guard = table_.lock();
        Process* p = table_.find(c.pid);
        if (!p || p->opens_looked_at >= Process::kFirstOpens) return false;
        ++p->opens_looked_at;
    }
    char path[wire::kMaxPath];
    size_t n = 0;
    if (read_string(c.tid, path_at, path, sizeof path, &n) != Read::ok || n != shim_.size() ||
        memcmp(path, shim_.data(), n) != 0)
        return false;
    auto guard = table_.lock();
    if (Process* p = table_.find(c.pid)) p->opens_looked_at = Process::kFirstOpens;
    return true;
}

// The table knows of the ring before the caller does: its next trap may be handled by another thread at once.
void Handler::give_ring(TrapBackend& backend, const HeldCall& c, Ticket& t) {
    // The thread that got stuck may have made one already: a second would orphan it. Whoever answers first wins.
    if (t.second_try) {
        backend.fail(t.trap.id, EAGAIN);
        return;
    }
    if (backend.makes_files()) return ask_for_file(backend, c, t);
    int fd = -1;
    const int slot = t.trap.args[3] == wire::kAbi ? adopt_ring(c.pid, t, &fd) : -EPROTONOSUPPORT;
    if (slot < 0) {
        backend.fail(t.trap.id, -slot);
        return;
    }
    if (backend.give_fd(t.trap.id, fd)) return;
    {
        auto guard = table_.lock();
        Process* p = table_.find(c.pid);
        if (p && p->ring_slot == static_cast<uint32_t>(slot)) p->ring_slot = 0;
    }
    registrar_.orphan(static_cast<uint32_t>(slot));
    backend.fail(t.trap.id, EMFILE);
}

// A new ring for a known process, in place of the one it has. The slot, or -errno. A thread that was given up meanwhile leaves
// the table alone: its caller has been answered, and may have asked again and got another ring.
int Handler::adopt_ring(pid_t pid, const Ticket& t, int* fd, UniqueFd file) {
    uint64_t start = 0;
    {
        auto guard = table_.lock();
        const Process* p = table_.find(pid);
        if (!p) return -ESRCH;
        if (p->sealed) return -EPERM;
        start = p->start_time;
    }
    const int slot = registrar_.make(pid, start, fd, std::move(file));
    if (slot < 0) return -ENOSPC;
    auto guard = table_.lock();
    Process* p = t.abandoned ? nullptr : table_.find(pid);
    registrar_.orphan(p ? p->ring_slot : static_cast<uint32_t>(slot));
    if (!p) return -ESRCH;
    p->ring_slot = static_cast<uint32_t>(slot);
    if (p->no_clock) registrar_.forbid_clock(p->ring_slot);
    return slot;
}

Handler::Rights Handler::rights_of(const HeldCall& c) {
    Rights r;
    bool have_credentials = false, have_root = false;
    {
        auto guard = table_.lock();
        if (Process* p = table_.find(c.pid)) {
            r.credentials = p->credentials;
            r.same_root = p->same_root;
            have_credentials = p->credentials_known;
            have_root = p->root_known;
        }
    }
    if (have_credentials && have_root) {
        r.known = true;
        return r;
    }
    r.known = have_credentials || read_credentials(c.tid, r.credentials);
    if (!have_root) {
        const std::optional<bool> shared = shares_root(c.tid);
        have_root = shared.has_value();
        r.same_root = shared.value_or(false);
    }
    auto guard = table_.lock();
    if (Process* p = table_.find(c.pid); p && r.known) {
        p->credentials = r.credentials;
        p->same_root = r.same_root;
        p->credentials_known = true;
        p->root_known = have_root;
    }
    return r;
}

// Before the call: the shim reads the counter right after it. The ring may be asked for at the same time by another thread.
void Handler::note_clock(const HeldCall& c) {
    if (c.as_int(0) != PR_SET_TSC || c.args[1] != PR_TSC_SIGSEGV) return;
    auto guard = table_.lock();
    Process* p = table_.find(c.pid);
    if (!p) return;
    p->no_clock = true;
    registrar_.forbid_clock(p->ring_slot);
}

namespace {

// Whether mount(2) with these flags mounts something new; as the kernel has it (path_mount).
bool mounts_new(uint64_t flags) {
    if ((flags & MS_MGC_MSK) == MS_MGC_VAL) flags &= ~uint64_t{MS_MGC_MSK};
    return !(flags & (MS_REMOUNT | MS_BIND | MS_MOVE | MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE));
}

}  // namespace

// A call that cannot make an overlay is no candidate for any (overlays.h).
void Handler::note_overlay(const HeldCall& c, bool registers_only) {
    const bool plain = c.call == static_cast<uint16_t>(Call::mount);
    if (!plain && c.call != static_cast<uint16_t>(Call::fsmount)) return;
    if (plain && (!mounts_new(c.args[3]) || c.args[2] == 0)) return;
    if (registers_only) return note_overlay_mount(c.tid, false);
    char type[16];
    size_t n = 0;
    const bool says_type = plain && read_string(c.tid, c.args[2], type, sizeof type, &n) == Read::ok;
    if (says_type && !std::string_view(type, n).starts_with("overlay")) return;
    // Beyond this name space capabilities do not tell: whoever owns the user name space of another has them all there.
    Credentials credentials;
    if (same_namespace(c.tid, "ns/mnt") && read_credentials(c.tid, credentials) && !credentials.has(kCapSysAdmin)) return;
    note_overlay_mount(c.tid, true);
}

// What the call may change of what rights_of() remembers; looked at again at the next need.
void Handler::note_changes(const HeldCall& c) {
    bool credentials = false, root = false;
    switch (static_cast<Call>(c.call)) {
        case Call::setuid: case Call::setgid: case Call::setreuid: case Call::setregid: case Call::setresuid:
        case Call::setresgid: case Call::setfsuid: case Call::setfsgid: case Call::setgroups: case Call::capset:
            credentials = true; break;
        case Call::setns: case Call::unshare: credentials = root = true; break;
        case Call::chroot: case Call::pivot_root: root = true; break;
        case Call::prctl:
            note_clock(c);
            note_seal(c);
            switch (c.as_int(0)) {
                case PR_SET_KEEPCAPS: case PR_CAPBSET_DROP: case PR_SET_SECUREBITS: case PR_CAP_AMBIENT: credentials = true; break;
                default: return;
            }
            break;
        case Call::seccomp: return note_seal(c);
        default: return;
    }
    auto guard = table_.lock();
    if (Process* p = table_.find(c.pid)) {
        if (credentials) p->credentials_known = false;
        p->altered = true;
        if (root) p->root_known = false;
    }
}

Verdict Handler::judge(const HeldCall& c, const Captured& found, const SocketFacts& socket, Ticket& t) {
    if (t.registers_only || t.blocked || !ring_.result_wanted(c.call)) return unknown_result();
    const Rights rights = rights_of(c);
    if (!rights.known) return unknown_result();
    uint64_t flags = 0;
    if (static_cast<Call>(c.call) == Call::openat2) {
        size_t got = 0;
        if (read_memory(c.tid, c.args[2], &flags, sizeof flags, &got) != Read::ok || got != sizeof flags)
            return inferred_error(EFAULT);
    }
    const View view(c.tid, c.pid, rights.credentials, rights.same_root);
    return infer({c, found, view, socket, flags});
}

void Handler::note_cgroups(const HeldCall& c, const Captured& found) {
    if (!c.info().creates_fd || !wire::moves_between_cgroups({found.paths[0].text, found.paths[0].length})) return;
    __atomic_store_n(&registry_.cgroups_move, 1, __ATOMIC_RELAXED);
}

// What was read by the caller's number was the caller's, as it still waits. One that was killed meanwhile made no call.
bool Handler::is_current(TrapBackend& backend, const Ticket& t) {
    if (backend.valid(t.trap.id)) return true;
    wire::count(registry_, Counter::stale_ids);
    return false;
}

void Handler::record_call(TrapBackend& backend, const HeldCall& c, uint32_t ring_slot, Ticket& t) {
    Captured found;
    SocketFacts socket;
    wire::PayloadWriter out(t.payload, t.payload + wire::kMaxRecord - wire::kHeaderSize);
    if (t.registers_only) {
        capture_registers(c, out);
        found.flags |= wire::kUnreadable;
    } else {
        capture_arguments(c, out, found);
        if (about_socket(c)) look_at_socket(c, found, out, socket);
        if (ring_.stack_wanted(c.call)) put_stack(c, t.trap.ip, out);
    }
    note_cgroups(c, found);
    put_order(ring_slot, out);
    Verdict v;
    uint8_t flags = wire::kResultFollows;
    const bool promised = ring_slot != 0 && promise(c, out);
    if (!promised && exact_ && ring_.result_wanted(c.call)) {
        t.tell = true;
        flags = 0;
    } else if (!promised) {
        if (!exact_) v = judge(c, found, socket, t);
        flags = v.flags();
    }
    wire::RecordHeader h = header(RecordKind::call, c.call, c.pid, c.tid);
    h.result = v.result;
    h.flags = static_cast<uint8_t>(found.flags | flags | (c.foreign ? wire::kForeignAbi : 0));
    if (!is_current(backend, t) || t.recorded.exchange(1) != 0) return;
    if (t.tell) book_.put(t.trap.id, h, t.payload, out.size());
    else emit(h, t.payload, out.size(), &t);
    if (!t.registers_only) say_of_call(c, found);
}

bool Handler::promise(const HeldCall& c, wire::PayloadWriter& out) const {
    if (c.foreign || c.info().nargs > 5 || (c.args[5] & wire::kSeqMask) != wire::kSeqMagic) return false;
    const uint32_t seq = static_cast<uint32_t>(c.args[5]);
    out.put(Tag::seq, 0, &seq, sizeof seq);
    return true;
}

void Handler::record_registers(const Trap& trap) {
    HeldCall c;
    if (trap.phase != Trap::Phase::entry || Registrar::is_request(trap) || !decode(trap, c)) return;
    c.pid = c.tid != 0 ? table_.group_of(c.tid, monotonic_ns()) : 0;
    uint8_t payload[128];
    wire::PayloadWriter out(payload, payload + sizeof payload);
    capture_registers(c, out);
    wire::RecordHeader h = header(RecordKind::call, c.call, c.pid, c.tid);
    h.flags = wire::kUnreadable | (c.pid != 0 && promise(c, out) ? wire::kResultFollows : wire::kResultUnknown);
    emit(h, payload, out.size());
}

}  // namespace undercoat::instrument
