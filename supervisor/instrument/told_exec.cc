// Executions that the new image tells itself, and its first records (see handler.h, image_word.h).
//
// Nobody waits meanwhile, and the process may have ended: what is told is taken from the word, and from what is known of the process
// or, of a new one, of its parent. Only of a process of which neither is known is /proc asked, as of one that was entered.
#include <cstring>
#include <sys/statvfs.h>
#include <sys/timerfd.h>
#include <linux/magic.h>

#include "supervisor/instrument/fileinfo.h"
#include "supervisor/instrument/handler.h"
#include "supervisor/instrument/image_word.h"
#include "supervisor/instrument/reach.h"
#include "supervisor/instrument/target.h"

namespace undercoat::instrument {

using wire::Counter;
using wire::RecordKind;
using wire::Tag;

namespace {

timespec time_of(uint64_t ns) { return {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)}; }

uint32_t executable_flags(pid_t pid, const ToldImage& m, const wire::ProcInfo& info) {
    const wire::ImageWord& w = m.word;
    struct stat st {};
    st.st_mode = w.exe_mode, st.st_uid = w.exe_uid, st.st_gid = w.exe_gid, st.st_ctim = time_of(w.exe_ctime);
    uint32_t flags = w.exe_fs == OVERLAYFS_SUPER_MAGIC ? layer_of_program(pid, st) : 0;
    if (!(w.exe_mount & ST_RDONLY) && writable(st, -1, info)) flags |= wire::kWritableByCaller;
    if (w.exe_links == links_of_memfds() && m.exe.starts_with("/memfd:")) flags |= wire::kMemfd;
    return flags;
}

// `before`: what was known of the process; of a new one, of its parent; of neither, all zero.
wire::ProcInfo told_info(pid_t pid, const ToldImage& m, const wire::ProcInfo& before) {
    const wire::ImageWord& w = m.word;
    wire::ProcInfo i = before;
    const auto number = static_cast<uint32_t>(pid);
    const bool inherits = before.pid != 0;
    i.ppid = i.pid == number ? i.ppid : w.head.ppid;
    i.pid = number;
    i.vpid = w.pid, i.vpgid = w.pgid, i.vsid = w.sid;
    i.pgid = w.pgid;
    if (!inherits) i.loginuid = UINT32_MAX;
    if (!inherits || before.sid != w.sid) {
        Stat now;
        i.tty_nr = read_stat(pid, now) ? static_cast<uint32_t>(now.tty) : 0;
    }
    i.sid = w.sid;
    i.uid = w.uid, i.euid = i.fsuid = w.euid, i.suid = w.suid;
    i.gid = w.gid, i.egid = i.fsgid = w.egid, i.sgid = w.sgid;
    i.cap_inheritable = w.cap_inheritable, i.cap_permitted = w.cap_permitted, i.cap_effective = w.cap_effective;
    i.exe_dev = w.exe_dev, i.exe_ino = w.exe_ino, i.exe_ctime = w.exe_ctime, i.exe_mtime = w.exe_mtime;
    i.fd_limit = w.fd_limit, i.pgft_maj = w.pgft_maj, i.pgft_min = w.pgft_min;
    i.vm_size_kb = i.vm_rss_kb = i.vm_swap_kb = 0;
    i.flags = executable_flags(pid, m, i);
    return i;
}

bool is_alive(const Stat& s) { return s.state != 'Z' && s.state != 'X'; }

// What a library says of its own calls; all else is for us to say.
bool may_say(Tag tag) {
    switch (tag) {
        case Tag::args: case Tag::path: case Tag::string: case Tag::sockaddr: case Tag::argv: case Tag::open_how: case Tag::buffer:
        case Tag::addresses: case Tag::local: case Tag::peer: case Tag::buf64: return true;
        default: return false;
    }
}

}  // namespace

// What is known of the sender: by its own number, else by its parent's.
Handler::Teller Handler::who_tells(pid_t pid, const ToldImage& m) {
    Teller t;
    auto guard = table_.lock();
    const Process* p = table_.find(pid);
    t.known = p && !p->exited;
    if (!t.known) p = p ? nullptr : table_.find(static_cast<pid_t>(m.word.head.ppid));
    // In another pid name space its numbers mean something else here.
    if (!p || p->info.vpid != p->info.pid || m.word.pid != static_cast<uint32_t>(pid)) return t;
    t.usual = true;
    t.before = p->info;
    t.ring_slot = p->ring_slot;
    t.sealed = p->sealed;
    t.cgroup_told = p->cgroup_told;
    return t;
}

void Handler::tell_birth(pid_t pid, const Teller& who, const Snapshot& s, pid_t parent, Ticket& t) {
    bool first = false, noted = false;
    {
        auto guard = table_.lock();
        Process* p = table_.insert(pid);
        if (p) {
            remember(*p, s);
            p->parent = parent;
            p->sealed = who.sealed;
            p->cgroup_told = who.cgroup_told;
            noted = table_.note_newborn(*p, &first);
        }
    }
    if (!noted) await_death({pid, 0});
    else if (first) await_newborns();
    Snapshot child = s;
    if (who.usual) child.comm[0] = 0;  // it had its parent's name, which is followed where records are read: we see no change of it
    announce(pid, child, parent, false, who.ring_slot, t);
}

void Handler::tell_exec(pid_t pid, const Teller& who, const Snapshot& s, const ToldImage& m, Ticket& t) {
    wire::PayloadWriter out(t.payload, t.payload + wire::kMaxRecord - wire::kHeaderSize);
    const auto put = [&](Tag tag, std::string_view text) {
        if (!text.empty()) out.put(tag, 0, text.data(), text.size());
    };
    put(Tag::path, m.name);
    if (who.known) put_order(who.ring_slot, out);
    put_short(s, out);
    put(Tag::exe, m.exe);
    out.put(Tag::argv, 0, m.argv.data(), m.argv.size());
    out.put(Tag::envp, 0, m.envp.data(), m.envp.size());
    put(Tag::cwd, m.cwd);
    const bool whole = !who.cgroup_told || __atomic_load_n(&registry_.cgroups_move, __ATOMIC_RELAXED) != 0;
    const bool told = whole ? put_cgroup(pid, out) : true;
    {
        auto guard = table_.lock();
        if (Process* p = table_.find(pid)) {
            remember(*p, s);
            p->start_stack = m.word.start_stack;
            p->arg_start = m.word.arg_start;
            p->cgroup_told = told;
            p->unheard = p->altered = p->credentials_known = p->rights_settled = p->no_clock = p->sealed = false;
            registrar_.orphan(p->ring_slot);
            p->ring_slot = 0;
        }
    }
    emit(header(RecordKind::call, static_cast<uint16_t>(wire::Call::execve), pid, pid), t.payload, out.size());
    wire::count(registry_, Counter::execs);
}

// Of a process in another pid name space.
void Handler::tell_foreign(pid_t pid, const ToldImage& m, Ticket& t) {
    PendingExec exec{};
    exec.time = now_ns();
    wire::PayloadWriter out(exec.payload, exec.payload + sizeof exec.payload);
    if (!m.name.empty()) out.put(Tag::path, 0, m.name.data(), m.name.size());
    exec.size = static_cast<uint16_t>(out.size());
    confirm_exec(pid, exec, {}, t);
}

bool Handler::may_tell(pid_t pid, pid_t ppid) {
    if (!holds_) return true;
    pid_t parent = ppid;
    bool lives = false;
    const auto holds = [&](pid_t who, bool otherwise) {
        auto guard = table_.lock();
        const Process* p = table_.find(who);
        return p ? p->held : otherwise;
    };
    bool known = false;
    {
        auto guard = table_.lock();
        known = table_.find(pid) != nullptr;
    }
    if (Stat now; !known && read_stat(pid, now) && is_alive(now)) {
        const pid_t noted = lineage_.parent_of(pid, now.start_time);
        parent = noted ? noted : now.ppid;
        lives = true;
    }
    // Of one that has ended only its claim is left: it must be of a parent that we know. One that lives and whose parent nobody
    // knows was entered from outside.
    if (!(known ? holds(pid, true) : holds(parent, !lives))) return true;
    wire::count(registry_, Counter::words_refused);
    return false;
}

// Whether the image that was told last is still there, and is another. A word of an image that has given way to another meanwhile is
// believed: what took its place speaks for itself, or was told of by it.
bool Handler::is_lie(pid_t pid, const ToldImage& m) {
    const wire::ImageWord& w = m.word;
    Stat now;
    struct stat exe;
    if (!read_stat(pid, now) || !is_alive(now)) return false;  // nobody is left to be asked
    const bool stack_tells = now.start_stack != 0 && !stands_fixed(now.start_stack);
    const bool same_file = !stat_proc(pid, "exe", exe) || (exe.st_dev == w.exe_dev && exe.st_ino == w.exe_ino);
    const bool runs = same_file && (!stack_tells || w.start_stack == 0 || now.start_stack == w.start_stack);
    auto guard = table_.lock();
    const Process* p = table_.find(pid);
    const bool told = p && !p->exited && stack_tells && p->start_stack == now.start_stack && p->arg_start == now.arg_start;
    return told && !runs;
}

void Handler::image_told(pid_t pid, const ToldImage& m) {
    static const auto ticket = std::make_unique<Ticket>();  // one thread calls this
    const ReachScope scope;
    if (!may_tell(pid, static_cast<pid_t>(m.word.head.ppid))) return;
    if (is_lie(pid, m)) return wire::count(registry_, Counter::words_refused);
    hear_image(pid, m, *ticket);
}

void Handler::hear_image(pid_t pid, const ToldImage& m, Ticket& ticket) {
    Teller who = who_tells(pid, m);
    if (Stat now; !who.usual && read_stat(pid, now) && is_alive(now)) {
        introduce(pid, ticket, Met::word);
        who = who_tells(pid, m);
        if (!who.usual) {
            tell_foreign(pid, m, ticket);
            return say_of_unheld(pid, false);
        }
    }
    Snapshot s;
    s.info = told_info(pid, m, who.before);
    if (!who.known) s.info.start_time = now_ns();
    memcpy(s.comm, m.word.comm, sizeof s.comm);
    if (!who.known) tell_birth(pid, who, s, static_cast<pid_t>(m.word.head.ppid), ticket);
    tell_exec(pid, who, s, m, ticket);
    say_of_unheld(pid, false);
}

// A process that was forked and has ended already is told as its parent's likeness.
void Handler::meet_by_word(pid_t pid, pid_t ppid, Ticket& t) {
    {
        auto guard = table_.lock();
        if (const Process* p = table_.find(pid); p && !p->exited) return;
    }
    if (Stat now; read_stat(pid, now) && is_alive(now)) {
        introduce(pid, t, Met::word);
        return;
    }
    Teller who;
    Snapshot s;
    {
        auto guard = table_.lock();
        const Process* p = table_.find(ppid);
        if (table_.find(pid) || !p) return;
        who = {true, false, p->sealed, p->cgroup_told, p->ring_slot, p->info};
        memcpy(s.comm, p->comm, sizeof s.comm);
    }
    s.info = who.before;
    s.info.pid = s.info.vpid = static_cast<uint32_t>(pid);
    s.info.ppid = static_cast<uint32_t>(ppid);
    s.info.start_time = now_ns();
    tell_birth(pid, who, s, ppid, t);
}

void Handler::record_told(pid_t pid, pid_t ppid, const uint8_t* record, size_t size) {
    static const auto ticket = std::make_unique<Ticket>();  // one thread calls this
    const ReachScope scope;
    const wire::RecordView view(record, size);
    if (!view.valid() || size != wire::kHeaderSize + view.header().payload) return;
    if (view.kind() != RecordKind::call && view.kind() != RecordKind::name) return;
    if (!may_tell(pid, ppid)) return;
    meet_by_word(pid, ppid, *ticket);
    wire::PayloadWriter out(ticket->payload, ticket->payload + wire::kMaxRecord - wire::kHeaderSize);
    view.each([&](const wire::Tlv& t) {
        if (may_say(t.tag)) out.put(t.tag, t.index, t.data, t.size);
        return true;
    });
    const wire::RecordHeader& said = view.header();
    wire::RecordHeader h = header(view.kind(), said.call, pid, static_cast<pid_t>(said.tid));
    h.origin = static_cast<uint8_t>(wire::Origin::shim);
    h.flags = said.flags & (wire::kTimeTsc | wire::kResultUnknown | wire::kUnreadable);
    if (h.flags & wire::kTimeTsc) h.time = said.time;
    h.result = said.result;
    emit(h, ticket->payload, out.size());
}

}  // namespace undercoat::instrument
