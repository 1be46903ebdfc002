// Events about processes: births, executions, identities.
#include "supervisor/state/impl.h"
#include "supervisor/state/paths.h"
#include "supervisor/state/proc_reader.h"

#include "supervisor/event/flags.h"

#include <algorithm>
#include <linux/prctl.h>

namespace undercoat::state {

using event::Event;
using event::Kind;
using event::ParamValue;
using wire::Call;

namespace {

constexpr uint64_t kAllCapabilities = (uint64_t{1} << 41) - 1;
constexpr size_t kCommLength = 15;
constexpr size_t kVectorLimit = wire::kMaxArgs;

std::string_view text_or(const Event& e, std::string_view param, std::string_view otherwise) {
    const ParamValue& p = e.param(param);
    return p.kind == ParamValue::Kind::text || p.kind == ParamValue::Kind::bytes ? p.text : otherwise;
}

bool has_text(const Event& e, std::string_view param) {
    const ParamValue::Kind k = e.param(param).kind;
    return k == ParamValue::Kind::text || k == ParamValue::Kind::bytes || k == ParamValue::Kind::empty;
}

template <class T>
void take_number(const Event& e, std::string_view param, T& to) {
    const ParamValue& p = e.param(param);
    if (p.kind == ParamValue::Kind::number) to = static_cast<T>(p.number);
}

void take_faults(const Event& e, Thread& t) {
    take_number(e, "pgft_maj", t.pgft_maj);
    take_number(e, "pgft_min", t.pgft_min);
}

void take_sizes(const Event& e, Thread& t) {
    take_number(e, "vm_size", t.vm_size_kb);
    take_number(e, "vm_rss", t.vm_rss_kb);
    take_number(e, "vm_swap", t.vm_swap_kb);
}

// What both clone and execve say of a process.
void take_common(const Event& e, Thread& t) {
    take_number(e, "fdlimit", t.fd_limit);
    take_faults(e, t);
    take_sizes(e, t);
    take_number(e, "uid", t.uid);
    take_number(e, "gid", t.gid);
    take_number(e, "pidns_init_start_ts", t.pidns_init_start_ts);
    if (has_text(e, "cgroups")) t.cgroups = text_or(e, "cgroups", "");
    if (const std::string_view comm = text_or(e, "comm", ""); !comm.empty()) t.comm = t.kernel_comm = comm;
}

std::string base_name(std::string_view path) {
    const size_t slash = path.rfind('/');
    return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

}  // namespace

// --- which thread ------------------------------------------------------------------------------------------------------

Thread& State::Impl::unknown_thread(int64_t pid, int64_t tid) {
    ++counters.unknown_threads;
    Thread t;
    t.tid = tid;
    t.pid = t.vpid = pid;
    t.vtid = tid;
    t.comm = t.kernel_comm = "<NA>";
    t.image = unknown_image;
    t.unknown = true;
    return table.add(t);
}

// A thread not seen before: as its process is now, with the name that PR_SET_NAME may have given.
void State::Impl::forget_ended_threads(Thread& main) {
    if (!options.read_proc || !table.crowded(main)) return;
    std::vector<int64_t> living = read_tids(options.root, main.pid, options.limits.threads_per_process);
    if (!living.empty()) table.keep_threads(main, std::move(living));
}

Thread& State::Impl::thread_in(Thread& main, int64_t tid) {
    forget_ended_threads(main);
    if (main.nthreads >= options.limits.threads_per_process) {
        ++counters.refused_threads;
        return main;
    }
    Thread t = main;
    t.tid = t.vtid = tid;
    t.comm = options.read_proc ? read_comm(options.root, main.pid, tid) : std::string();
    if (t.comm.empty()) t.comm = main.kernel_comm;
    t.kernel_comm = t.comm;
    t.clone_ts = now;
    return table.add(t);
}

Thread& State::Impl::thread_of(const Event& e) {
    const int64_t tid = e.tid != 0 ? e.tid : e.pid;
    Thread* t = table.find(tid);
    const int64_t pid = e.pid != 0 ? e.pid : t != nullptr ? t->pid : tid;
    if (t != nullptr && t->pid == pid) return *t;
    Thread* main = table.find(pid);
    if (main != nullptr && main->is_main()) {
        // A number that belongs to another process is a lie, or of another name space: its own process speaks.
        if (t != nullptr || tid == pid) return *main;
        return thread_in(*main, tid);
    }
    if (!options.read_proc || pid == options.hide_pid) return unknown_thread(pid, tid);
    ++counters.proc_lookups;
    std::optional<Thread> found = read_process(options.root, pid, options.limits.text);
    if (!found) return unknown_thread(pid, tid);
    if (found->ppid == options.hide_pid) found->ppid = 0;
    Thread& added = table.add(*found);
    return tid == pid || t != nullptr ? added : thread_in(added, tid);
}

// --- births ------------------------------------------------------------------------------------------------------------

void State::Impl::take_proc_info(Thread& t, const Event& e) {
    const wire::ProcInfo* p = e.captured.proc;
    if (!e.captured.comm.empty()) t.comm = t.kernel_comm = e.captured.comm.substr(0, kCommLength);
    if (!e.captured.cgroup.empty()) t.cgroups = cgroups_from_proc(e.captured.cgroup);
    if (p == nullptr) return;
    t.pgid = p->pgid, t.sid = p->sid, t.tty = p->tty_nr;
    t.vpid = t.vtid = p->vpid != 0 ? p->vpid : t.pid;
    t.vpgid = p->vpgid != 0 ? p->vpgid : p->pgid;
    t.ruid = p->uid, t.uid = p->euid, t.suid = p->suid;
    t.rgid = p->gid, t.gid = p->egid, t.sgid = p->sgid;
    t.loginuid = p->loginuid;
    t.cap_inheritable = p->cap_inheritable, t.cap_permitted = p->cap_permitted, t.cap_effective = p->cap_effective;
    if (p->start_time != 0) t.clone_ts = p->start_time;
    if (p->pidns_start != 0) t.pidns_init_start_ts = p->pidns_start;
    t.fd_limit = static_cast<int64_t>(p->fd_limit);
    t.vm_size_kb = p->vm_size_kb, t.vm_rss_kb = p->vm_rss_kb, t.vm_swap_kb = p->vm_swap_kb;
    t.pgft_maj = p->pgft_maj, t.pgft_min = p->pgft_min;
}

namespace {

// What a birth record says of the image itself.
std::shared_ptr<const Image> captured_image(const Event& e) {
    auto image = std::make_shared<Image>();
    image->exe = image->exepath = e.captured.exe;
    image->args = split_nul(e.captured.argv, kVectorLimit);
    if (!image->args.empty()) image->exe = image->args.front(), image->args.erase(image->args.begin());
    image->env = split_nul(e.captured.envp, kVectorLimit);
    if (const wire::ProcInfo* p = e.captured.proc)
        image->exe_ino = p->exe_ino, image->exe_ctime = p->exe_ctime, image->exe_mtime = p->exe_mtime;
    return image;
}

}  // namespace

// The trap saw a process for the first time. Its parent is the one at birth. What a look at the start found is of later, or of one that
// had ended: the record and what was told of the parent go before it, but in what is repeated for a supervisor that was replaced, where
// calls between are not.
void State::Impl::apply_birth(Event& e) {
    const int64_t ppid = e.result;
    Thread* const known = table.find(e.pid);
    const Thread* parent = table.find(ppid);
    const bool living = known != nullptr && !known->dead && !known->unknown && known->is_main();
    const bool outdated = living && known->scanned && !e.history;
    const bool parent_told = parent != nullptr && !parent->scanned;
    const bool like_parent = living && known->scanned && parent != nullptr && (known->cwd.empty() || (outdated && parent_told));
    if (living && known->ppid == ppid && !like_parent) {
        // Its parent's clone has made it already: only complete it.
        take_proc_info(*known, e);
        if (outdated && !e.captured.cwd.empty()) known->cwd = collapse(e.captured.cwd), known->scanned = false;
    } else {
        Thread t;
        const bool inherits = parent != nullptr && e.origin != wire::Origin::scan;
        if (inherits) {
            t = parent->main();
            t.comm = parent->main().kernel_comm;
            t.child_subreaper = t.scanned = false;
        } else if (options.read_proc) {
            ++counters.proc_lookups;
            std::optional<Thread> found = read_process(options.root, e.pid, options.limits.text);
            if (found) t = std::move(*found);
            else t.cwd.clear();  // its execution tells it
            t.scanned = e.captured.cwd.empty();
        }
        // What was read at the birth is truer than what a look finds after it.
        if ((!inherits || parent->main().unknown) && !e.captured.cwd.empty()) t.cwd = collapse(e.captured.cwd);
        if (!t.image) t.image = unknown_image, t.comm = "<NA>", t.unknown = e.captured.comm.empty();
        t.tid = t.pid = t.vtid = t.vpid = e.pid;
        t.clone_ts = e.ts;
        t.exec_ts = 0;
        t.dead = false;
        t.ppid = ppid == options.hide_pid ? 0 : ppid;
        if (t.kernel_comm.empty()) t.kernel_comm = t.comm;
        take_proc_info(t, e);
        Thread& added = table.add(t);
        if (const Thread* from = table.find(ppid); inherits && from != nullptr && from->pid != e.pid) table.copy_fds(*from, added);
    }
    Thread& t = *table.find(e.pid);
    t.dead = false;
    // Where executions are not seen (preload mode) the first word of a new image is its birth.
    if (!e.captured.exe.empty() && (outdated || t.image == unknown_image || t.image->exepath != e.captured.exe)) {
        t.image = captured_image(e);
        t.unknown = false;
    }
    context->thread = &t;
    fill_process_params(e, t);
}

// Which container, where the events are of a whole machine.
void State::Impl::take_container(const Event& e, Thread& t) {
    if (!options.foreign || !has_text(e, "cgroups")) return;
    t.container = containers.of_cgroups(t.cgroups);
    t.cgroups = with_old_names(t.cgroups);
}

// Page faults of the thread, memory of the process.
void State::Impl::take_memory(const Event& e, Thread& t) {
    take_faults(e, t);
    take_sizes(e, t.main());
}

namespace {

// A child of a parent of which nothing is known: what the event tells of its image.
void take_told(const Event& e, Thread& t) {
    auto image = std::make_shared<Image>();
    image->exe = text_or(e, "exe", "<NA>");
    image->args = split_nul(text_or(e, "args", ""), kVectorLimit);
    t.image = std::move(image);
    t.ppid = number_or(e, "ptid", t.ppid);
    if (const std::string_view cwd = text_or(e, "cwd", ""); !cwd.empty()) t.cwd = collapse(cwd);
}

}  // namespace

void State::Impl::apply_clone(Event& e, Thread& caller) {
    const int64_t result = number_or(e, "res", e.result);
    if (result < 0) return;
    const bool child_speaks = result == 0;
    // Inside a pid name space the result is a number that means nothing here; the child's own first event makes it.
    const bool own_number = e.origin == wire::Origin::shim || e.origin == wire::Origin::capture;
    if (!child_speaks && caller.vpid != caller.pid && own_number) return;
    const auto flags = static_cast<uint32_t>(number_or(e, "flags", 0));
    const int64_t tid = child_speaks ? e.tid : result;
    const Thread* known = table.find(tid);
    const Thread* parent = &caller;
    if (child_speaks) {
        const bool thread = flags & event::kPpmCloneThread;
        parent = table.find(thread ? number_or(e, "pid", caller.pid) : number_or(e, "ptid", caller.ppid));
        if (parent == nullptr) parent = &caller;
    } else if (known != nullptr && !known->dead && !known->unknown) {
        return;
    }
    Thread t = *parent;
    t.tid = tid;
    t.pid = flags & event::kPpmCloneThread ? parent->pid : tid;
    if (child_speaks) t.pid = number_or(e, "pid", t.pid);
    t.vtid = t.tid, t.vpid = t.pid;
    t.comm = t.kernel_comm = parent->kernel_comm;
    t.ppid = flags & event::kPpmCloneParent ? parent->main().ppid : parent->pid;
    if (t.tid != t.pid) t.ppid = parent->main().ppid;
    // Whichever of the two ends of the call came first was the birth.
    const bool told = known != nullptr && !known->dead && !known->unknown && known->ppid == t.ppid;
    t.clone_ts = told ? known->clone_ts : e.ts;
    t.dead = t.child_subreaper = t.unknown = t.scanned = false;
    if (child_speaks) {
        take_common(e, t);
        take_number(e, "vtid", t.vtid);
        take_number(e, "vpid", t.vpid);
        take_container(e, t);
        if (parent->unknown) take_told(e, t);
    }
    const int64_t from = parent->main().pid;
    Thread& added = table.add(t);
    if (t.tid != t.pid && table.crowded(added.main())) crowded_pid = added.pid;
    if (Thread* source = table.find(from); source != nullptr && added.is_main()) table.copy_fds(*source, added);
    if (child_speaks) context->thread = &added;
    fill_process_params(e, child_speaks ? added : *table.find(from));
}

// --- exec --------------------------------------------------------------------------------------------------------------

namespace {

std::shared_ptr<const Image> image_of(const Event& e, const Thread& t, std::string_view path) {
    auto image = std::make_shared<Image>();
    image->exe = text_or(e, "exe", path);
    image->args = split_nul(text_or(e, "args", ""), kVectorLimit);
    if (has_text(e, "env")) image->env = split_nul(text_or(e, "env", ""), kVectorLimit);
    else image->env = t.main().image->env;
    image->exepath = text_or(e, "trusted_exepath", "");
    // What cannot be read is taken from the path that was given.
    if (image->exepath.empty()) image->exepath = path.empty() ? std::string("<NA>") : file_name(t.main().cwd, path);
    take_number(e, "flags", image->flags);
    take_number(e, "exe_ino", image->exe_ino);
    take_number(e, "exe_ino_ctime", image->exe_ctime);
    take_number(e, "exe_ino_mtime", image->exe_mtime);
    return image;
}

}  // namespace

void State::Impl::apply_exec(Event& e, Thread& caller) {
    if (number_or(e, "res", e.result) < 0) return fill_process_params(e, caller);
    // The thread that executes becomes the process.
    Thread& t = caller.main();
    table.remove_other_threads(t);
    context->thread = &t;
    if (t.unknown && e.origin == wire::Origin::capture) table.adopt(t, number_or(e, "ptid", t.ppid));
    std::string_view path = text_or(e, "filename", "");
    if (path.empty() && e.captured.path[0].data() != nullptr) path = e.captured.path[0];
    if (path.empty() && e.captured.path[1].data() != nullptr) path = e.captured.path[1];
    t.image = image_of(e, t, path);
    take_common(e, t);
    if (e.captured.proc != nullptr || !e.captured.cgroup.empty()) take_proc_info(t, e);
    take_container(e, t);
    if (text_or(e, "comm", "").empty()) t.comm = base_name(path.empty() ? t.image->exepath : path).substr(0, kCommLength);
    t.kernel_comm = t.comm;
    take_number(e, "tty", t.tty);
    take_number(e, "vpgid", t.vpgid);
    take_number(e, "pgid", t.pgid);
    take_number(e, "loginuid", t.loginuid);
    take_number(e, "cap_inheritable", t.cap_inheritable);
    take_number(e, "cap_permitted", t.cap_permitted);
    take_number(e, "cap_effective", t.cap_effective);
    if (t.unknown || t.cwd.empty() || (t.scanned && !e.history) || e.origin == wire::Origin::capture)
        if (const std::string_view cwd = text_or(e, "cwd", ""); !cwd.empty()) t.cwd = collapse(cwd), t.scanned = false;
    t.unknown = false;
    t.exec_ts = e.ts;
    table.remove_cloexec(t);
    fill_process_params(e, t);
}

namespace {

using ParamFiller = void (*)(Event&, unsigned, const Thread&);

void put_text(Event& e, unsigned i, std::string_view value) {
    if (value.empty()) e.set_empty(i);
    else if (e.info().params[i].type == event::ParamType::BYTEBUF) e.set_bytes(i, value);
    else e.set_text(i, value);
}

void put_list(Event& e, unsigned i, const std::vector<std::string>& list) {
    std::string joined;
    for (const std::string& s : list) joined.append(s).push_back('\0');
    put_text(e, i, joined);
}

#define UC_NUMBER(value) [](Event& e, unsigned i, const Thread& t) { e.set_number(i, static_cast<int64_t>(value)); }
#define UC_TEXT(value) [](Event& e, unsigned i, const Thread& t) { put_text(e, i, value); }

struct NamedFiller {
    const char* name;
    ParamFiller fill;
};

constexpr NamedFiller kParamFillers[] = {
    {"tid", UC_NUMBER(t.tid)}, {"pid", UC_NUMBER(t.pid)}, {"ptid", UC_NUMBER(t.main().ppid)}, {"fdlimit", UC_NUMBER(t.fd_limit)},
    {"pgft_maj", UC_NUMBER(t.pgft_maj)}, {"pgft_min", UC_NUMBER(t.pgft_min)}, {"vm_size", UC_NUMBER(t.vm_size_kb)},
    {"vm_rss", UC_NUMBER(t.vm_rss_kb)}, {"vm_swap", UC_NUMBER(t.vm_swap_kb)}, {"tty", UC_NUMBER(t.main().tty)},
    {"vpgid", UC_NUMBER(t.main().vpgid)}, {"loginuid", UC_NUMBER(t.loginuid)}, {"flags", UC_NUMBER(t.image->flags)},
    {"cap_inheritable", UC_NUMBER(t.cap_inheritable)}, {"cap_permitted", UC_NUMBER(t.cap_permitted)},
    {"cap_effective", UC_NUMBER(t.cap_effective)}, {"exe_ino", UC_NUMBER(t.image->exe_ino)},
    {"exe_ino_ctime", UC_NUMBER(t.image->exe_ctime)}, {"exe_ino_mtime", UC_NUMBER(t.image->exe_mtime)},
    {"uid", UC_NUMBER(t.uid)}, {"pgid", UC_NUMBER(t.main().pgid)}, {"gid", UC_NUMBER(t.gid)}, {"vtid", UC_NUMBER(t.vtid)},
    {"vpid", UC_NUMBER(t.vpid)}, {"pidns_init_start_ts", UC_NUMBER(t.pidns_init_start_ts)},
    {"exe", UC_TEXT(t.image->exe)}, {"cwd", UC_TEXT(t.main().cwd)}, {"comm", UC_TEXT(t.comm)}, {"cgroups", UC_TEXT(t.cgroups)},
    {"trusted_exepath", UC_TEXT(t.image->exepath)},
    {"args", [](Event& e, unsigned i, const Thread& t) { put_list(e, i, t.image->args); }},
    {"env", [](Event& e, unsigned i, const Thread& t) { put_list(e, i, t.image->env); }},
};
#undef UC_NUMBER
#undef UC_TEXT

// By event type and parameter; nullptr where nothing is known of it.
const std::vector<ParamFiller>& fillers_of(const Event& e) {
    static const auto all = [] {
        std::vector<std::vector<ParamFiller>> v(event::kEventCount);
        for (unsigned type = 0; type < event::kEventCount; ++type)
            for (unsigned i = 0; i < event::kEvents[type].nparams; ++i) {
                ParamFiller found = nullptr;
                for (const NamedFiller& f : kParamFillers)
                    if (event::kEvents[type].params[i].name == std::string_view(f.name)) found = f.fill;
                v[type].push_back(found);
            }
        return v;
    }();
    return all[e.type];
}

}  // namespace

// Parameters that the record did not carry, from what is known: rules see the same arguments whoever reported the call.
void State::Impl::fill_process_params(Event& e, const Thread& t) {
    if (!e.has_type()) return;
    const std::vector<ParamFiller>& fillers = fillers_of(e);
    for (unsigned i = 0; i < e.nparams(); ++i)
        if (fillers[i] != nullptr && !e.param(i).present()) fillers[i](e, i, t);
}

// --- identities --------------------------------------------------------------------------------------------------------

void State::Impl::apply_ids(const Event& e, Thread& t) {
    if (!succeeded(e)) return;
    constexpr int64_t kKeep = 0xffffffff;
    const auto set = [&](const char* param, uint32_t& to) {
        const int64_t v = number_or(e, param, kKeep) & kKeep;
        if (v != kKeep) to = static_cast<uint32_t>(v);
    };
    switch (static_cast<Call>(e.type)) {
        case Call::setuid: set("uid", t.uid); break;
        case Call::setgid: set("gid", t.gid); break;
        case Call::setreuid:
        case Call::setresuid: set("ruid", t.ruid), set("euid", t.uid), set("suid", t.suid); break;
        case Call::setregid:
        case Call::setresgid: set("rgid", t.rgid), set("egid", t.gid), set("sgid", t.sgid); break;
        case Call::setsid:
            t.main().sid = t.main().pgid = t.pid;
            t.main().tty = 0;
            break;
        case Call::setpgid: {
            const int64_t pid = number_or(e, "pid", 0), pgid = number_or(e, "pgid", 0);
            Thread* target = pid == 0 ? &t.main() : table.find(pid);
            if (target != nullptr) target->main().pgid = target->main().vpgid = pgid == 0 ? target->pid : pgid;
            break;
        }
        default:
            take_number(e, "cap_inheritable", t.cap_inheritable);
            take_number(e, "cap_permitted", t.cap_permitted);
            take_number(e, "cap_effective", t.cap_effective);
    }
    // libc sets the identity of all threads, one system call each; the rules ask for the process's.
    if (!t.is_main() && e.type != event::type_of(Call::capset)) {
        t.main().uid = t.uid, t.main().gid = t.gid;
    }
}

void State::Impl::apply_prctl(const Event& e, Thread& t) {
    if (!succeeded(e)) return;
    const int64_t option = number_or(e, "option", -1);
    if (option == PR_SET_NAME) {
        const std::string_view name = text_or(e, "arg2_str", e.captured.string[1]);
        if (!name.empty()) t.kernel_comm = name.substr(0, kCommLength);
    } else if (option == PR_SET_CHILD_SUBREAPER) {
        t.main().child_subreaper = number_or(e, "arg2_int", 0) != 0;
    }
}

void State::Impl::apply_namespaces(const Event& e, Thread& t) {
    const char* param = e.is(Call::unshare) ? "flags" : "nstype";
    const bool user = static_cast<uint64_t>(number_or(e, param, 0)) & event::kPpmCloneNewuser;
    if (succeeded(e) && user) t.cap_inheritable = t.cap_permitted = t.cap_effective = kAllCapabilities;
}

void State::Impl::apply_directory(const Event& e, Thread& t) {
    if (!succeeded(e)) return;
    Thread& main = t.main();
    if (e.is(Call::fchdir)) {
        const FdInfo* dir = t.fd(number_or(e, "fd", -1));
        if (dir != nullptr && !dir->name.empty() && dir->name.front() == '/') main.cwd = dir->name;
        return;
    }
    const ParamValue& p = e.param("path");
    if (p.kind != ParamValue::Kind::text) return;
    std::string path = file_name(main.cwd, p.text);
    if (e.is(Call::chroot)) main.root = std::move(path);
    else main.cwd = std::move(path);
}

}  // namespace undercoat::state
