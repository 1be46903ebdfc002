// The inside of State: what its source files share.
#pragma once

#include "supervisor/state/aliases.h"
#include "supervisor/state/interfaces.h"
#include "supervisor/state/state.h"
#include "supervisor/state/thread_table.h"

#include <deque>

namespace undercoat::state {

inline constexpr int64_t kAtFdcwd = -100;

struct State::Impl {
    Impl(const Options& o, Counters& c)
        : options(o), counters(c), table(options.limits, c), containers(c.refused_containers) {}

    const Options& options;
    Counters& counters;
    ThreadTable table;
    Interfaces interfaces;
    Aliases aliases;
    Containers containers;
    Context* context = nullptr;
    uint64_t now = 0;
    uint64_t turn = 0;  // events so far
    FdInfo scratch;  // the descriptor of an event whose descriptor is not in the table
    // Host names by address, oldest first; bounded.
    struct HostName {
        Address address;
        std::string name;
    };
    std::deque<HostName> host_names;
    // Removals that wait for finish().
    int64_t ended_pid = -1, ended_tid = -1;
    int64_t crowded_pid = -1;  // has got another thread and many before
    std::vector<std::pair<int64_t, int64_t>> closed_fds;  // pid, number
    std::shared_ptr<const Image> unknown_image;

    // --- threads: apply_process.cc
    Thread& thread_of(const event::Event& e);
    Thread& unknown_thread(int64_t pid, int64_t tid);
    Thread& thread_in(Thread& main, int64_t tid);
    void forget_ended_threads(Thread& main);
    void apply_birth(event::Event& e);
    void take_container(const event::Event& e, Thread& t);
    void take_memory(const event::Event& e, Thread& t);
    void apply_clone(event::Event& e, Thread& t);
    void apply_exec(event::Event& e, Thread& t);
    void apply_ids(const event::Event& e, Thread& t);
    void apply_prctl(const event::Event& e, Thread& t);
    void apply_namespaces(const event::Event& e, Thread& t);
    void apply_directory(const event::Event& e, Thread& t);
    void fill_process_params(event::Event& e, const Thread& t);
    void take_proc_info(Thread& t, const event::Event& e);

    // --- ends: apply_end.cc
    void apply_exit(event::Event& e);
    void end_process(int64_t pid);
    int64_t reaper_of(const Thread& main) const;

    // --- names of files: apply_names.cc
    // What the trap read of the descriptors in the arguments goes before what is in the table.
    void take_identities(const event::Event& e, Thread& t);
    void take_given_name(const Thread& t, FdInfo& read, int& looks) const;
    FdInfo read_name(std::string_view text, const FdInfo* known, int& looks) const;
    bool same_file(const Thread& t, FdInfo& known, const FdInfo& read, const wire::FileInfo* file, int& looks) const;
    // Whether the name that a program gave at `since` stands for the file that /proc calls `read`: by what calls said, and by looking
    // at the file system, as far as the event may look any more (same_file.h).
    bool became(const std::string& given, uint64_t since, const std::string& read) const;
    bool leads_to(const std::string& given, uint64_t since, const std::string& read, int& looks) const;
    void remember_alias(const event::Event& e, const Thread& t);
    void forget_alias(const event::Event& e, const Thread& t);
    static void remember_unplaced(Thread& t, const FdInfo& opened);

    // --- files: apply_file.cc
    void apply_open(event::Event& e, Thread& t);
    void apply_dup(event::Event& e, Thread& t);
    void take_others_fd(const event::Event& e, const Thread& t, FdInfo& to);
    void apply_creation(event::Event& e, Thread& t);
    void apply_close(const event::Event& e, Thread& t);
    void use_fd(const event::Event& e, Thread& t);
    // The directory that relative paths of this dirfd argument start from; "" unknown.
    std::string directory(const Thread& t, int64_t dirfd) const;

    // --- sockets: apply_net.cc
    void apply_socket(event::Event& e, Thread& t);
    void apply_bind(event::Event& e, Thread& t);
    void apply_connect(event::Event& e, Thread& t);
    void apply_listen(event::Event& e, Thread& t);
    void apply_accept(event::Event& e, Thread& t);
    void apply_send(event::Event& e, Thread& t);
    void apply_name(const event::Event& e);
    // The event's descriptor, of which nothing is known, is a socket of this type: one that was made without its number's being told.
    void place_socket(Thread& t, const Address& a);
    FdInfo socket_from(const wire::SocketInfo& s, const FdInfo* known) const;
    void fix_any(Tuple& t) const;
    void complete_accepted(Tuple& ends, const FdInfo& listener) const;
    void show_ends(event::Event& e, const Tuple& ends) const;
};

// The parameter as a number, or `otherwise` where it is none.
int64_t number_or(const event::Event& e, std::string_view param, int64_t otherwise);
// Whether the call is to be treated as having succeeded.
inline bool succeeded(const event::Event& e) { return !e.has_result || e.result >= 0; }

// Whether a call that returns a descriptor says which one: results that were only inferred, or are unknown, do not.
inline bool knows_number(const event::Event& e, int64_t number) {
    const bool two_arguments = e.is(wire::Call::dup2) || e.is(wire::Call::dup3);
    return (!e.result_unknown || two_arguments) && number != wire::kInferredFd;
}

}  // namespace undercoat::state
