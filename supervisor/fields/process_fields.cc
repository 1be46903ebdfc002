// Fields of the process and its ancestors: proc.*.
#include "supervisor/fields/field.h"

#include "supervisor/event/flags.h"

#include <algorithm>
#include <vector>

namespace undercoat::fields {
namespace {

using T = FieldType;
using Of = Value (*)(const Access&, const Thread&);

// More ancestors than this are not looked at: a chain is never that long in honest life.
constexpr unsigned kMaxAncestors = 512;

// Ids above 32 bits are made up by sandboxes and are not shown as pids.
Value process_id(int64_t id) { return id < 0 || id > 0xffffffff ? Value() : Value::i64(id); }

template <Of of>
Value own(const Access& a) {
    return a.thread ? of(a, *a.thread) : Value();
}

template <Of of>
Value of_main(const Access& a) {
    return a.thread ? of(a, a.thread->main()) : Value();
}

template <Of of>
Value of_parent(const Access& a) {
    const Thread* p = a.thread ? a.state.parent(*a.thread) : nullptr;
    return p ? of(a, *p) : Value();
}

// With an index: that ancestor, 0 being the process itself. Without: the list of all from the parent on.
template <Of of>
Value of_ancestors(const Access& a) {
    if (!a.thread) return {};
    if (a.ref.index >= 0) {
        if (a.ref.index > kMaxAncestors) return {};
        const Thread* t = a.ref.index == 0 ? a.thread : a.state.ancestor(*a.thread, static_cast<unsigned>(a.ref.index));
        return t ? of(a, *t) : Value();
    }
    Value found[kMaxAncestors];
    size_t n = 0;
    for (const Thread* t = a.state.parent(*a.thread); t && n < kMaxAncestors; t = a.state.parent(*t)) {
        const Value v = of(a, *t);
        if (v.exists()) found[n++] = v;
    }
    auto list = a.arena.array<Value>(n);
    for (size_t i = 0; i < n; ++i) list[i] = found[i];
    return Value::list(list);
}

Value comm(const Access&, const Thread& t) { return Value::text(t.comm); }
Value exe(const Access&, const Thread& t) { return Value::text(t.image->exe); }
Value exepath(const Access&, const Thread& t) { return Value::text(t.image->exepath); }

// The texts with blanks between; before them `head` where there is one.
Value joined(const Access& a, const std::string* head, const std::vector<std::string>& texts) {
    size_t size = head ? head->size() : 0;
    for (const std::string& s : texts) size += s.size() + 1;
    char* const to = static_cast<char*>(a.arena.allocate(size, 1));
    char* at = to;
    const auto add = [&](const std::string& s) { at = std::copy(s.begin(), s.end(), at); };
    if (head) add(*head);
    for (const std::string& s : texts) {
        if (head || &s != &texts.front()) *at++ = ' ';
        add(s);
    }
    return Value::text({to, static_cast<size_t>(at - to)});
}

Value args(const Access& a, const Thread& t) { return joined(a, nullptr, t.image->args); }
Value cmdline(const Access& a, const Thread& t) { return joined(a, &t.comm, t.image->args); }
Value exeline(const Access& a, const Thread& t) { return joined(a, &t.image->exe, t.image->args); }
Value pid(const Access&, const Thread& t) { return process_id(t.pid); }
Value vpid(const Access&, const Thread& t) { return Value::i64(t.vpid); }

Value one_argument(const Access& a) {
    if (!a.thread) return {};
    if (a.ref.index < 0) return args(a, *a.thread);
    const auto& all = a.thread->image->args;
    const auto i = static_cast<size_t>(a.ref.index);
    return Value::text(i < all.size() ? std::string_view(all[i]) : std::string_view("", 0));
}

Value whole_env(const Access& a, const Thread& t) { return joined(a, nullptr, t.image->env); }

// What stands after the first "=" of an entry.
std::string_view value_of(std::string_view entry) { return entry.substr(std::min(entry.find('='), entry.size() - 1) + 1); }

Value environment(const Access& a) {
    if (!a.thread) return {};
    if (a.ref.key.empty()) return whole_env(a, *a.thread);
    const std::string* value = a.thread->env(a.ref.key);
    return Value::text(value ? value_of(*value) : std::string_view("", 0));
}

Value ancestor_env(const Access& a) {
    if (a.ref.key.empty()) return of_ancestors<whole_env>(a);
    unsigned n = 0;
    for (const Thread* t = a.thread; t && n <= kMaxAncestors; t = a.state.parent(*t), ++n)
        if (const std::string* value = t->env(a.ref.key)) return Value::text(value_of(*value));
    return {};
}

Value working_directory(const Access& a, const Thread& t) {
    if (t.cwd.ends_with('/')) return Value::text(t.cwd);
    char* const to = static_cast<char*>(a.arena.allocate(t.cwd.size() + 1, 1));
    *std::copy(t.cwd.begin(), t.cwd.end(), to) = '/';
    return Value::text({to, t.cwd.size() + 1});
}

Value login_shell(const Access& a) {
    int64_t shell = -1;
    unsigned n = 0;
    for (const Thread* t = a.thread; t && n < kMaxAncestors; t = a.state.parent(*t), ++n)
        if (t->comm.ends_with("sh")) shell = t->pid;
    return shell < 0 ? Value() : Value::i64(shell);
}

enum class Leader { session, group, virtual_group };

template <Leader which, Of of>
Value of_leader(const Access& a) {
    if (!a.thread) return {};
    const Thread* t = which == Leader::session ? a.state.session_leader(*a.thread)
                      : which == Leader::group ? a.state.group_leader(*a.thread)
                                               : a.state.virtual_group_leader(*a.thread);
    if (!t) return which == Leader::session ? Value::text(std::string_view("", 0)) : Value();
    return of(a, *t);
}

Value elapsed(uint64_t from, uint64_t to) { return from == 0 || from > to ? Value() : Value::u64(to - from); }
Value known(uint64_t v) { return v == 0 ? Value() : Value::u64(v); }

template <uint32_t flag>
Value image_flag(const Access&, const Thread& t) {
    return Value::boolean((t.image->flags & flag) != 0);
}

Value argument_bytes(const Access&, const Thread& t) {
    uint64_t n = 0;
    for (const std::string& s : t.image->args) n += s.size();
    return Value::u64(n);
}

constexpr Field kFields[] = {
    {"proc.exe", T::text, own<exe>, "argv[0]"},
    {"proc.pexe", T::text, of_parent<exe>, "argv[0] of the parent"},
    Field{"proc.aexe", T::text, of_ancestors<exe>, "argv[0] of an ancestor; without [N]: of any"}.index().mode(
        MatchMode::any_of),
    {"proc.exepath", T::text, own<exepath>, "path of the executable file"},
    {"proc.pexepath", T::text, of_parent<exepath>, "path of the parent's executable file"},
    Field{"proc.aexepath", T::text, of_ancestors<exepath>, "path of an ancestor's executable file"}.index().mode(
        MatchMode::any_of),
    {"proc.name", T::text, own<comm>, "name of the process, at most 15 bytes"},
    {"proc.pname", T::text, of_parent<comm>, "name of the parent"},
    Field{"proc.aname", T::text, of_ancestors<comm>, "name of an ancestor; without [N]: of any"}.index().mode(
        MatchMode::any_of),
    Field{"proc.args", T::text, one_argument, "the arguments; [N]: one of them, from 0"}.index(),
    Field{"proc.aargs", T::text, of_ancestors<args>, "the arguments of an ancestor"}.index().mode(MatchMode::any_of),
    {"proc.cmdline", T::text, own<cmdline>, "name and arguments"},
    {"proc.pcmdline", T::text, of_parent<cmdline>, "name and arguments of the parent"},
    Field{"proc.acmdline", T::text, of_ancestors<cmdline>, "name and arguments of an ancestor"}
        .index()
        .mode(MatchMode::any_of)
        .no_rhs()
        .no_transformer(),
    {"proc.cmdnargs", T::uint64, [](const Access& a) { return a.thread ? Value::u64(a.thread->image->args.size()) : Value(); },
     "how many arguments"},
    {"proc.cmdlenargs", T::uint64, own<argument_bytes>, "bytes of all arguments"},
    {"proc.exeline", T::text, own<exeline>, "argv[0] and arguments"},
    Field{"proc.env", T::text, environment, "the environment; [NAME]: the value of NAME"}.key(),
    Field{"proc.aenv", T::text, ancestor_env, "the environment of an ancestor"}
        .index()
        .key()
        .mode(MatchMode::any_of)
        .no_rhs()
        .no_transformer(),
    {"proc.cwd", T::text, of_main<working_directory>, "working directory, with a final /"},
    {"proc.loginshellid", T::int64, login_shell, "pid of the oldest shell among the ancestors"},
    {"proc.tty", T::uint32, [](const Access& a) { return a.thread ? Value::u64(a.thread->main().tty) : Value(); },
     "number of the terminal, 0: none"},
    {"proc.pid", T::int64, own<pid>, "process id"},
    {"proc.ppid", T::int64, [](const Access& a) { return a.thread ? process_id(a.thread->main().ppid) : Value(); },
     "process id of the parent"},
    Field{"proc.apid", T::int64, of_ancestors<pid>, "process id of an ancestor; without [N]: of any"}
        .index()
        .mode(MatchMode::any_of)
        .no_rhs()
        .no_transformer(),
    {"proc.vpid", T::int64, own<vpid>, "process id as the process sees it"},
    {"proc.pvpid", T::int64, of_parent<vpid>, "process id of the parent as it sees itself"},
    {"proc.sid", T::int64, [](const Access& a) { return a.thread ? Value::i64(a.thread->main().sid) : Value(); },
     "session id"},
    {"proc.sname", T::text, of_leader<Leader::session, comm>, "name of the session leader"},
    {"proc.sid.exe", T::text, of_leader<Leader::session, exe>, "argv[0] of the session leader"},
    {"proc.sid.exepath", T::text, of_leader<Leader::session, exepath>, "executable of the session leader"},
    {"proc.vpgid", T::int64, [](const Access& a) { return a.thread ? Value::i64(a.thread->main().vpgid) : Value(); },
     "process group id as the process sees it"},
    {"proc.vpgid.name", T::text, of_leader<Leader::virtual_group, comm>, "name of that group's leader"},
    {"proc.vpgid.exe", T::text, of_leader<Leader::virtual_group, exe>, "argv[0] of that group's leader"},
    {"proc.vpgid.exepath", T::text, of_leader<Leader::virtual_group, exepath>, "executable of that group's leader"},
    {"proc.pgid", T::int64, [](const Access& a) { return a.thread ? Value::i64(a.thread->main().pgid) : Value(); },
     "process group id"},
    {"proc.pgid.name", T::text, of_leader<Leader::group, comm>, "name of the group's leader"},
    {"proc.pgid.exe", T::text, of_leader<Leader::group, exe>, "argv[0] of the group's leader"},
    {"proc.pgid.exepath", T::text, of_leader<Leader::group, exepath>, "executable of the group's leader"},
    {"proc.duration", T::reltime,
     [](const Access& a) { return a.thread ? elapsed(a.thread->clone_ts, a.ts()) : Value(); },
     "ns since the process began"},
    {"proc.ppid.duration", T::reltime,
     [](const Access& a) {
         const Thread* p = a.thread ? a.state.parent(*a.thread) : nullptr;
         return p ? elapsed(p->clone_ts, a.ts()) : Value();
     },
     "ns since the parent began"},
    {"proc.pid.ts", T::reltime, [](const Access& a) { return a.thread ? known(a.thread->clone_ts) : Value(); },
     "when the process began, ns since the epoch"},
    {"proc.ppid.ts", T::reltime,
     [](const Access& a) {
         const Thread* p = a.thread ? a.state.parent(*a.thread) : nullptr;
         return p ? known(p->clone_ts) : Value();
     },
     "when the parent began, ns since the epoch"},
    {"proc.is_exe_writable", T::boolean, own<image_flag<event::kPpmExeWritable>>,
     "the caller may write the executable"},
    {"proc.is_exe_upper_layer", T::boolean, own<image_flag<event::kPpmExeUpperLayer>>,
     "the executable is not part of the image"},
    {"proc.is_exe_lower_layer", T::boolean, own<image_flag<event::kPpmExeLowerLayer>>,
     "the executable is part of the image"},
    {"proc.is_exe_from_memfd", T::boolean, own<image_flag<event::kPpmExeFromMemfd>>, "the executable is a memfd"},
    {"proc.is_sid_leader", T::boolean,
     [](const Access& a) { return a.thread ? Value::boolean(a.thread->main().sid == a.thread->vpid) : Value(); },
     "leads its session"},
    {"proc.is_vpgid_leader", T::boolean,
     [](const Access& a) { return a.thread ? Value::boolean(a.thread->main().vpgid == a.thread->vpid) : Value(); },
     "leads its process group, by ids as it sees them"},
    {"proc.is_pgid_leader", T::boolean,
     [](const Access& a) { return a.thread ? Value::boolean(a.thread->main().pgid == a.thread->pid) : Value(); },
     "leads its process group"},
    {"proc.exe_ino", T::int64,
     [](const Access& a) {
         return a.thread && a.thread->image->exe_ino ? Value::i64(static_cast<int64_t>(a.thread->image->exe_ino)) : Value();
     },
     "inode of the executable"},
    {"proc.exe_ino.ctime", T::abstime, [](const Access& a) { return a.thread ? known(a.thread->image->exe_ctime) : Value(); },
     "when the executable's inode changed, ns since the epoch"},
    {"proc.exe_ino.mtime", T::abstime, [](const Access& a) { return a.thread ? known(a.thread->image->exe_mtime) : Value(); },
     "when the executable was written, ns since the epoch"},
    {"proc.exe_ino.ctime_duration_proc_start", T::abstime,
     [](const Access& a) {
         if (!a.thread || a.thread->clone_ts == a.thread->image->exe_ctime) return Value();
         return elapsed(a.thread->image->exe_ctime, a.thread->clone_ts);
     },
     "ns from the change of the executable to the start of the process"},
    {"proc.exe_ino.ctime_duration_pidns_start", T::abstime,
     [](const Access& a) {
         return a.thread ? elapsed(a.thread->pidns_init_start_ts, a.thread->image->exe_ctime) : Value();
     },
     "ns from the start of the pid namespace to the change of the executable"},
    {"proc.pidns_init_start_ts", T::uint64,
     [](const Access& a) { return a.thread ? known(a.thread->pidns_init_start_ts) : Value(); },
     "when the pid namespace began, ns since the epoch"},
    {"proc.fdopencount", T::uint64, [](const Access& a) { return a.thread ? Value::u64(a.thread->fd_count()) : Value(); },
     "how many descriptors are known to be open"},
    {"proc.fdlimit", T::int64,
     [](const Access& a) { return a.thread && a.thread->main().fd_limit >= 0 ? Value::i64(a.thread->main().fd_limit) : Value(); },
     "how many descriptors are allowed"},
    {"proc.fdusage", T::real,
     [](const Access& a) {
         if (!a.thread || a.thread->main().fd_limit <= 0) return Value();
         return Value::real(100.0 * static_cast<double>(a.thread->fd_count()) / static_cast<double>(a.thread->main().fd_limit));
     },
     "open descriptors in per cent of the limit"},
    {"proc.vmsize", T::uint64, [](const Access& a) { return a.thread ? Value::u64(a.thread->main().vm_size_kb) : Value(); },
     "virtual memory at exec, kB"},
    {"proc.vmrss", T::uint64, [](const Access& a) { return a.thread ? Value::u64(a.thread->main().vm_rss_kb) : Value(); },
     "resident memory at exec, kB"},
    {"proc.vmswap", T::uint64, [](const Access& a) { return a.thread ? Value::u64(a.thread->main().vm_swap_kb) : Value(); },
     "swapped memory at exec, kB"},
    {"proc.nthreads", T::uint64, [](const Access& a) { return a.thread ? Value::u64(a.thread->main().nthreads) : Value(); },
     "how many threads"},
    {"proc.nchilds", T::uint64, [](const Access& a) { return a.thread ? Value::u64(std::max(a.thread->main().nthreads, 1u) - 1) : Value(); },
     "how many threads beside the first"},
};

}  // namespace

std::span<const Field> process_fields() { return kFields; }

}  // namespace undercoat::fields
