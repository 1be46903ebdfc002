// What is known of the container: threads, descriptors, users, container metadata.
//
// The only place where this changes. For each event the pipeline calls apply(), then lets the rules look, then finish().
// Must stay true (FALCO_SPEC 6): a change is made before the rules see its event, a removal after; a failed call changes
// nothing; everything a hostile process can make grow has a bound and a counter. Not thread-safe.
#pragma once

#include "supervisor/event/event.h"
#include "supervisor/state/container.h"
#include "supervisor/state/containers.h"
#include "supervisor/state/interfaces.h"
#include "supervisor/state/thread.h"

#include <bitset>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace undercoat::state {

struct Limits {
    size_t threads = 65536;
    size_t threads_per_process = 8192;
    size_t fds_per_process = 4096;
    size_t fds = 262144;
    size_t text = 8192;  // bytes of one environment, argument vector or path kept
};

struct Options {
    bool host = false;
    // The events are of another machine: nothing is taken from this one's /proc, users, groups and interfaces; processes are of
    // the host but where their cgroups name a container.
    bool foreign = false;
    std::string root;          // put before /proc and /etc (tests)
    bool read_proc = true;     // look unknown threads up in /proc
    int64_t reaper = 0;        // pid that adopts orphans with no subreaper above them; 0: none known
    int64_t hide_pid = 0;      // instrument: never shown as an ancestor
    std::vector<int64_t> agent_pids;  // our own processes
    Limits limits;
};

struct Counters {
    uint64_t unknown_threads = 0;     // threads of which nothing was known
    uint64_t purged_threads = 0;   // removed because the table was full
    uint64_t refused_threads = 0, refused_fds = 0;
    uint64_t proc_lookups = 0, truncated_texts = 0;
    uint64_t refused_containers = 0;
};

class State;

// What the fields of one event need. Valid from apply() to finish() of that event.
struct Context {
    const State* state = nullptr;
    const event::Event* event = nullptr;
    const Thread* thread = nullptr;   // null only for events of no thread (coverage without pid)
    bool has_fd = false;              // fd.* have values
    int64_t fd_number = -1;
    const FdInfo* fd = nullptr;       // null: the number only
    bool fd_from_arguments = false;   // fd is made of the arguments: the call failed, or nothing is known of its descriptor
    bool fd_name_changed = false;

    // The resolved text of a path parameter (FSPATH, FSRELPATH) as evt.arg.* shows it; nullopt where the parameter is
    // missing or no text. Of others: the parameter's text.
    std::optional<std::string> path(unsigned param) const;
    // The same into `out`, whose memory is used again; false where there is none.
    bool path(unsigned param, std::string& out) const;
    // The directory that a relative path parameter is relative to: cwd, or the dirfd's; "" where unknown.
    std::string_view path_base(unsigned param) const;
    // fs.path.* and fd.name of failed opens: joined and collapsed.
    std::optional<std::string> collapsed_path(unsigned param) const;
    // The same into `out`, whose memory is used again; false where there is none.
    bool collapsed_path(unsigned param, std::string& out) const;
};

class State {
public:
    explicit State(Options options);
    ~State();
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    // Reads /proc for what already runs: `pids`, their descendants, threads and descriptors. parent_at_birth(pid) may
    // correct a parent; 0: not known.
    void scan(std::span<const int64_t> pids, const std::function<int64_t(int64_t)>& parent_at_birth = {});
    // Changes the state as the event says and prepares context(). May add to the event what state knows (parameters of
    // clone and execve that a record does not carry).
    void apply(event::Event& e);
    const Context& context() const { return context_; }
    // Whether applying this event changes nothing but, perhaps, one entry of its process' descriptor table.
    static bool changes_descriptors_only(const event::Event& e);
    // Puts back what an earlier event of the same content had put there. A no-op for unknown processes.
    void restore_fd(int64_t pid, int64_t number, const FdInfo& info);
    // Removals of the last applied event.
    void finish();

    // By id; null where unknown. No look-up in /proc.
    const Thread* thread(int64_t tid) const;
    // The main thread of the parent process; null at the end of the chain.
    const Thread* parent(const Thread& t) const;
    // The n-th ancestor's main thread: 0 is the thread's own main thread, 1 the parent.
    const Thread* ancestor(const Thread& t, unsigned n) const;
    // Falco's proc.sname / proc.vpgid / proc.pgid leaders; null where unknown.
    const Thread* session_leader(const Thread& t) const;
    const Thread* group_leader(const Thread& t) const;
    const Thread* virtual_group_leader(const Thread& t) const;
    // Whether the address is one of this host's interfaces'.
    bool is_local(const Address& a) const;
    // Host name that a program asked for and got this address; "" where none.
    std::string_view host_name(const Address& a) const;

    const Container& container() const { return container_; }
    Container& container() { return container_; }  // for metadata that arrives later
    const User* user(uint32_t uid) { return users_.user(uid, now_); }
    const Group* group(uint32_t gid) { return users_.group(gid, now_); }
    Users& users() { return users_; }
    const Counters& counters() const { return counters_; }
    size_t thread_count() const;
    // Whether the number is that of one of our processes, or of a thread of one.
    bool is_agent(int64_t id) const;

    // For tests and replay: a thread with these values (its main_ is set by tid and pid), and a descriptor of it.
    Thread& add(const Thread& seed);
    void add_fd(int64_t pid, int64_t number, const FdInfo& info);
    // Threads of a list of processes, in any order: links children to their parents, threads to their processes.
    void seed(std::vector<Thread> threads);
    // Containers that the events of another machine speak of.
    Containers& containers();
    void set_interfaces(std::vector<Interfaces::Interface> interfaces);
    // Null where it is not known: of a thread of another machine that no list names.
    const Container* container_of(const Thread& t) const {
        if (t.container) return t.container.get();
        return options_.foreign && t.unknown ? nullptr : &container_;
    }
    // Every thread, in no order.
    void each_thread(const std::function<void(const Thread&)>& f) const;

private:
    struct Impl;
    void apply_call(event::Event& e);
    Options options_;
    Container container_;
    Users users_;
    Counters counters_;
    Context context_;
    uint64_t now_ = 0;
    std::unique_ptr<Impl> impl_;
};

// The calls whose events the state needs so that the fields of `used` calls are right.
std::bitset<wire::kCallCount> calls_needed(const std::bitset<wire::kCallCount>& used);

}  // namespace undercoat::state
