// Threads and processes as the rules see them.
//
// Only state/ changes them. Must stay true: a Thread's process-wide data (descriptors, cwd, environment, terminal, sessions)
// lives in its main thread; main() is never null while the Thread is in the table. -1 (or kUnknownId for ids that are
// unsigned in the kernel) means not known. Texts may hold any byte.
#pragma once

#include "supervisor/state/container.h"
#include "supervisor/state/fd.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace undercoat::state {

inline constexpr uint32_t kUnknownId = 0xffffffff;

// What exec made of a process: shared by all that inherit it, never changed.
struct Image {
    std::string exe;      // argv[0]
    std::string exepath;  // /proc/PID/exe
    std::vector<std::string> args;  // argv[1..]
    std::vector<std::string> env;
    uint32_t flags = 0;   // PPM_EXE_*
    uint64_t exe_ino = 0;
    uint64_t exe_ctime = 0, exe_mtime = 0;  // ns since the epoch; 0 unknown
};

// A container that belongs to the table's entry of a thread and says nothing of the thread: a copy of the entry, as a child
// begins, has an empty one. A parent of many children or descriptors would make each of them cost as much.
template <class T>
struct NotCopied : T {
    NotCopied() = default;
    NotCopied(const NotCopied&) : T() {}
    NotCopied& operator=(const NotCopied&) { return *this; }
    void become(const T& other) { T::operator=(other); }
};

class Thread {
public:
    int64_t tid = -1;
    int64_t pid = -1;
    int64_t ppid = -1;   // of the main thread; Falco's ptid. 0 or -1: the chain ends here
    int64_t vtid = -1, vpid = -1;
    int64_t vpgid = -1, pgid = -1, sid = -1;
    uint32_t tty = 0;
    uint32_t uid = kUnknownId, gid = kUnknownId;  // effective
    uint32_t ruid = kUnknownId, suid = kUnknownId, rgid = kUnknownId, sgid = kUnknownId;
    uint32_t loginuid = kUnknownId;
    uint64_t cap_inheritable = 0, cap_permitted = 0, cap_effective = 0;
    std::string comm;         // Falco's proc.name: not changed by PR_SET_NAME
    std::string kernel_comm;  // what PR_SET_NAME made of it: what children and threads made from now on inherit
    std::shared_ptr<const Image> image;  // never null
    std::string cwd = "/";    // no trailing slash but for the root; of main threads
    std::string root = "/";
    std::shared_ptr<const Container> container;  // null: the one that this supervisor runs in, State::container()
    std::string cgroups;      // "cpuset=/ cpu=/…" pairs separated by NUL, as Falco's event argument
    uint64_t clone_ts = 0;    // ns since the epoch; 0 unknown
    uint64_t exec_ts = 0;
    uint64_t pidns_init_start_ts = 0;
    int64_t fd_limit = -1;
    uint64_t vm_size_kb = 0, vm_rss_kb = 0, vm_swap_kb = 0, pgft_maj = 0, pgft_min = 0;
    bool scanned = false;       // as /proc showed it at the start, which may be later than what is told next; of main threads
    bool unknown = false;       // made up for a tid of which nothing is known: texts are "<NA>"
    bool child_subreaper = false;
    bool in_container = true;
    bool dead = false;              // ended; kept until the rules have seen its end
    uint32_t nthreads = 1;          // of main threads: live threads of the process

    size_t child_count() const { return children_.size(); }  // of main threads
    bool is_main() const { return tid == pid; }
    Thread& main() { return *main_; }
    const Thread& main() const { return *main_; }
    // Descriptors are those of the main thread. Null where nothing is known.
    const FdInfo* fd(int64_t number) const;
    size_t fd_count() const { return main_->fds_.size(); }
    const std::unordered_map<int64_t, FdInfo>& fds() const { return main_->fds_; }
    // Space-separated argv[1..]; comm and arguments; argv[0] and arguments.
    std::string args_text() const;
    std::string cmdline() const;
    std::string exeline() const;
    // The entry "NAME=value" of the environment, or null.
    const std::string* env(std::string_view name) const;

private:
    friend class State;
    friend class ThreadTable;
    Thread* main_ = this;
    NotCopied<std::unordered_map<int64_t, FdInfo>> fds_;  // of main threads
    NotCopied<std::vector<int64_t>> children_;            // pids; of main threads
    uint64_t last_seen_ = 0;
    // Of main threads: names of directories that were opened without its being known under which number; few.
    struct GivenName {
        std::string name;
        uint64_t at;  // as FdInfo::named_at
    };
    std::vector<GivenName> unplaced_;
    std::vector<FdInfo> unplaced_sockets_;  // alike: sockets, the oldest first; few
};

}  // namespace undercoat::state
