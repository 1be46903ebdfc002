// The order of what one event does to the state, and look-ups.
#include "supervisor/state/state.h"

#include "supervisor/state/impl.h"
#include "supervisor/state/proc_reader.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <unistd.h>
#include <unordered_set>

namespace undercoat::state {

using event::Event;
using event::Kind;
using wire::Call;

namespace {

const char* environment(const char* name) { return std::getenv(name); }

}  // namespace

int64_t number_or(const Event& e, std::string_view param, int64_t otherwise) {
    const event::ParamValue& p = e.param(param);
    return p.kind == event::ParamValue::Kind::number ? p.number : otherwise;
}

State::State(Options options)
    : options_(std::move(options)),
      container_(detect_container(options_.host || options_.foreign, options_.root, environment)),
      users_(options_.root, !options_.foreign),
      impl_(std::make_unique<Impl>(options_, counters_)) {
    auto image = std::make_shared<Image>();
    image->exe = image->exepath = "<NA>";
    impl_->unknown_image = image;
    if (options_.foreign) options_.read_proc = false, impl_->interfaces.set({});
    impl_->context = &context_;
}

State::~State() = default;

void State::apply(Event& e) {
    now_ = impl_->now = e.ts;
    ++impl_->turn;
    context_ = Context{};
    context_.event = &e;
    context_.state = this;
    impl_->table.forget(e.ts);
    switch (e.kind) {
        case Kind::name: impl_->apply_name(e); break;
        case Kind::coverage: break;
        case Kind::birth: impl_->apply_birth(e); return;
        case Kind::exit: impl_->apply_exit(e); return;
        case Kind::call: apply_call(e); return;
    }
    if (e.pid != 0) context_.thread = impl_->table.find(e.tid);
}

namespace {

bool changes_identity(Call call) {
    constexpr Call kCalls[] = {Call::setuid,    Call::setgid,    Call::setreuid, Call::setregid, Call::setresuid,
                               Call::setresgid, Call::setsid, Call::setpgid,  Call::capset};
    return std::find(std::begin(kCalls), std::end(kCalls), call) != std::end(kCalls);
}

}  // namespace

void State::apply_call(Event& e) {
    Impl& s = *impl_;
    if (e.tid == 0 && options_.foreign) return;  // a CPU without work, or nobody
    Thread& t = s.thread_of(e);
    context_.thread = &t;
    s.table.seen(t);
    s.take_identities(e, t);
    switch (static_cast<Call>(e.type)) {
        case Call::clone:
        case Call::clone3:
        case Call::fork:
        case Call::vfork: s.apply_clone(e, t); break;
        case Call::execve:
        case Call::execveat: s.apply_exec(e, t); break;
        case Call::prctl: s.apply_prctl(e, t); break;
        case Call::unshare:
        case Call::setns: s.apply_namespaces(e, t); break;
        case Call::chdir:
        case Call::fchdir:
        case Call::chroot: s.apply_directory(e, t); break;
        case Call::open:
        case Call::openat:
        case Call::openat2:
        case Call::creat:
        case Call::open_by_handle_at: s.apply_open(e, t); return;
        case Call::dup:
        case Call::dup2:
        case Call::dup3:
        case Call::fcntl: s.apply_dup(e, t); return;
        case Call::rename:
        case Call::renameat:
        case Call::renameat2:
        case Call::symlink:
        case Call::symlinkat: s.remember_alias(e, t); break;
        case Call::unlink:
        case Call::unlinkat:
        case Call::rmdir:
        case Call::mkdir:
        case Call::mkdirat: s.forget_alias(e, t); break;
        case Call::close:
        case Call::close_range: s.apply_close(e, t); break;
        case Call::brk:
        case Call::mmap:
        case Call::mmap2:
        case Call::munmap:
        case Call::switch_: s.take_memory(e, t); break;
        case Call::socket: s.apply_socket(e, t); return;
        case Call::bind: s.apply_bind(e, t); return;
        case Call::connect: s.apply_connect(e, t); return;
        case Call::listen: s.apply_listen(e, t); return;
        case Call::accept:
        case Call::accept4: s.apply_accept(e, t); return;
        case Call::sendto:
        case Call::sendmsg:
        case Call::sendmmsg:
        case Call::recvfrom:
        case Call::recvmsg:
        case Call::recvmmsg: s.apply_send(e, t); return;
        default:
            if (changes_identity(static_cast<Call>(e.type))) s.apply_ids(e, t);
            else if (e.info().flags & event::kFdCreates) return s.apply_creation(e, t);
    }
    s.use_fd(e, t);
}

bool State::changes_descriptors_only(const Event& e) {
    if (e.kind != event::Kind::call || !e.has_type()) return false;
    switch (static_cast<Call>(e.type)) {
        case Call::open:
        case Call::openat:
        case Call::openat2:
        case Call::creat: return true;
        default: return !(e.info().flags & (event::kModifiesState | event::kFdCreates | event::kFdDestroys));
    }
}

void State::restore_fd(int64_t pid, int64_t number, const FdInfo& info) {
    Thread* t = impl_->table.find(pid);
    if (t == nullptr) return;
    const FdInfo* now = t->fd(number);
    if (now == nullptr || now->type != info.type || now->open_flags != info.open_flags || now->name != info.name)
        impl_->table.set_fd(*t, number, info);
}

void State::finish() {
    for (const auto& [pid, number] : impl_->closed_fds)
        if (Thread* t = impl_->table.find(pid)) impl_->table.remove_fd(*t, number);
    impl_->closed_fds.clear();
    if (impl_->ended_pid >= 0) impl_->end_process(impl_->ended_pid);
    if (impl_->ended_tid >= 0) impl_->table.remove(impl_->ended_tid);
    if (Thread* t = impl_->crowded_pid >= 0 ? impl_->table.find(impl_->crowded_pid) : nullptr) impl_->forget_ended_threads(t->main());
    impl_->ended_pid = impl_->ended_tid = impl_->crowded_pid = -1;
    context_ = Context{};
}

void State::scan(std::span<const int64_t> pids, const std::function<int64_t(int64_t)>& parent_at_birth) {
    const auto all = read_parents(options_.root);
    std::unordered_set<int64_t> wanted(pids.begin(), pids.end());
    // Parents do not always have the lower number: repeat until nothing is added.
    for (bool grown = true; grown;) {
        grown = false;
        for (const auto& [pid, ppid] : all)
            if (wanted.count(ppid) != 0 && wanted.insert(pid).second) grown = true;
    }
    wanted.erase(options_.hide_pid);
    for (const auto& [pid, ppid] : all) {
        if (wanted.count(pid) == 0) continue;
        std::optional<Thread> t = read_process(options_.root, pid, options_.limits.text);
        if (!t) continue;
        if (parent_at_birth)
            if (const int64_t birth = parent_at_birth(pid); birth != 0 && wanted.count(birth) != 0) t->ppid = birth;
        if (t->ppid == options_.hide_pid) t->ppid = 0;
        t->scanned = true;
        Thread& main = impl_->table.add(*t);
        for (const auto& [number, info] : read_fds(options_.root, pid, options_.limits.fds_per_process))
            impl_->table.set_fd(main, number, info);
        for (const int64_t tid : read_tids(options_.root, pid, options_.limits.threads_per_process))
            if (tid != pid) impl_->thread_in(main, tid);
    }
    // Parents read after their children: link again.
    for (const auto& [pid, ppid] : all)
        if (Thread* t = impl_->table.find(pid)) impl_->table.adopt(*t, t->ppid);
}

const Thread* State::thread(int64_t tid) const { return impl_->table.find(tid); }

const Thread* State::parent(const Thread& t) const {
    const Thread& main = t.main();
    if (main.ppid <= 0 || main.ppid == options_.hide_pid || main.ppid == main.pid) return nullptr;
    const Thread* p = impl_->table.find(main.ppid);
    return p != nullptr ? &p->main() : nullptr;
}

const Thread* State::ancestor(const Thread& t, unsigned n) const {
    const Thread* at = &t.main();
    // A chain longer than this is a circle made of reused numbers.
    for (unsigned i = 0; i < n && at != nullptr; ++i) at = i < 4096 ? parent(*at) : nullptr;
    return at;
}

// Outside a pid name space the leader has the session's number; inside, only numbers as seen from inside are known, and
// the oldest consecutive ancestor with the same session stands for it.
const Thread* State::session_leader(const Thread& t) const {
    const Thread& main = t.main();
    if (main.pid == main.vpid)
        if (const Thread* leader = impl_->table.find(main.sid)) return leader;
    const Thread* leader = &main;  // it has ended, or is known by another number: the oldest that shares the session
    for (unsigned i = 0; i < 4096; ++i) {
        const Thread* p = parent(*leader);
        if (p == nullptr || p->sid != main.sid) break;
        leader = p;
    }
    return leader;
}

const Thread* State::group_leader(const Thread& t) const { return impl_->table.find(t.main().pgid); }

const Thread* State::virtual_group_leader(const Thread& t) const {
    const Thread& main = t.main();
    if (main.pid == main.vpid) return impl_->table.find(main.vpgid);
    const Thread* leader = &main;
    for (unsigned i = 0; i < 4096; ++i) {
        const Thread* p = parent(*leader);
        if (p == nullptr || p->vpgid != main.vpgid) break;
        leader = p;
    }
    return leader;
}

bool State::is_local(const Address& a) const { return impl_->interfaces.is_local(a, now_); }

std::string_view State::host_name(const Address& a) const {
    for (auto it = impl_->host_names.rbegin(); it != impl_->host_names.rend(); ++it)
        if (it->address.family == a.family && std::memcmp(it->address.bytes, a.bytes, sizeof a.bytes) == 0)
            return it->name;
    return {};
}

bool State::is_agent(int64_t id) const {
    if (id <= 0) return false;
    for (const int64_t pid : options_.agent_pids) {
        if (pid == id) return true;
        if (options_.read_proc &&
            ::access((options_.root + "/proc/" + std::to_string(pid) + "/task/" + std::to_string(id)).c_str(), F_OK) == 0)
            return true;
    }
    return false;
}

size_t State::thread_count() const { return impl_->table.size(); }

Thread& State::add(const Thread& seed) {
    Thread t = seed;
    if (!t.image) t.image = impl_->unknown_image;
    if (t.kernel_comm.empty()) t.kernel_comm = t.comm;
    return impl_->table.add(t);
}

void State::add_fd(int64_t pid, int64_t number, const FdInfo& info) {
    if (Thread* t = impl_->table.find(pid)) impl_->table.set_fd(*t, number, info);
}

void State::seed(std::vector<Thread> threads) {
    std::stable_partition(threads.begin(), threads.end(), [](const Thread& t) { return t.is_main(); });
    for (Thread& t : threads) {
        if (options_.foreign) t.container = impl_->containers.of_cgroups(t.cgroups), t.cgroups = with_old_names(t.cgroups);
        add(t);
    }
    for (const Thread& t : threads)
        if (Thread* known = impl_->table.find(t.tid); known != nullptr && known->is_main()) impl_->table.adopt(*known, t.ppid);
}

Containers& State::containers() { return impl_->containers; }

void State::set_interfaces(std::vector<Interfaces::Interface> interfaces) { impl_->interfaces.set(std::move(interfaces)); }

void State::each_thread(const std::function<void(const Thread&)>& f) const { impl_->table.each(f); }

}  // namespace undercoat::state
