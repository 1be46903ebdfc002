// What of a process is not seen, told once for each process and reason (see handler.h).
//
// Must stay true: nothing here costs a process anything of which everything is seen.
#include <cstdio>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor/instrument/handler.h"
#include "supervisor/instrument/target.h"

namespace undercoat::instrument {

using wire::Call, wire::CoverageLevel, wire::CoverageReason;

namespace {

constexpr uint64_t kAtSecure = 23;

// False where that cannot be read.
bool runs_secure(pid_t pid) {
    uint64_t auxv[128];
    const size_t n = read_proc(pid, "auxv", reinterpret_cast<char*>(auxv), sizeof auxv) / sizeof *auxv;
    for (size_t i = 0; i + 1 < n; i += 2)
        if (auxv[i] == kAtSecure) return auxv[i + 1] != 0;
    return false;
}

bool yama_restricts() {
    static const bool restricts = [] {
        const int fd = open("/proc/sys/kernel/yama/ptrace_scope", O_RDONLY | O_CLOEXEC);
        char c = '0';
        const bool known = fd >= 0 && read(fd, &c, 1) == 1;
        if (fd >= 0) close(fd);
        return known && c >= '1';
    }();
    return restricts;
}

// A dumpable process' directory is its user's; Yama looks at those only that would be readable otherwise.
bool is_dumpable(pid_t pid, const Credentials& c) {
    struct stat st;
    return stat_proc(pid, "", st) && (st.st_uid == c.euid && (c.euid != 0 || st.st_gid == c.egid));
}

}  // namespace

void Handler::say(pid_t pid, CoverageReason reason, CoverageLevel level) {
    {
        auto guard = table_.lock();
        Process* p = table_.find(pid);
        const uint32_t bit = uint32_t{1} << static_cast<unsigned>(reason);
        if (!p || p->coverage_told & bit) return;
        p->coverage_told |= bit;
    }
    wire::RecordHeader h = header(wire::RecordKind::coverage, wire::kNoCall, pid, pid);
    h.result = wire::coverage_code(reason, level);
    emit(h, nullptr, 0);
    wire::count(registry_, wire::Counter::coverage);
}

// A plain execution of a plain file changes nothing of this; `file`: what was executed, as far as it is known.
void Handler::say_of_image(pid_t pid, const ExecFile& file, const Credentials& rights) {
    const bool held = registry_.mode != static_cast<uint32_t>(wire::CaptureMode::preload);
    const bool altered = rights.uid != rights.euid || rights.gid != rights.egid;
    if ((altered || (file.known && !file.keeps_rights)) && runs_secure(pid))
        say(pid, CoverageReason::secure_exec, held ? CoverageLevel::calls : CoverageLevel::nothing);
    if (shim_.empty()) return;
    bool elsewhere = false;
    {
        auto guard = table_.lock();
        const Process* p = table_.find(pid);
        elsewhere = p && p->root_known && !p->same_root;
    }
    if (!elsewhere) return;
    char path[wire::kMaxPath];
    struct stat st;
    snprintf(path, sizeof path, "root%s", shim_.c_str());
    if (!stat_proc(pid, path, st)) say(pid, CoverageReason::other_root, held ? CoverageLevel::calls : CoverageLevel::nothing);
}

void Handler::say_of_unheld(pid_t pid, bool entered) {
    const bool preload = registry_.mode == static_cast<uint32_t>(wire::CaptureMode::preload);
    if (!preload || entered) say(pid, CoverageReason::no_filter, CoverageLevel::part);
    else if (pid == static_cast<pid_t>(registry_.workload_pid)) say(pid, CoverageReason::preload_mode, CoverageLevel::part);
}

void Handler::say_of_call(const HeldCall& c, const Captured& found) {
    if (c.foreign) say(c.pid, CoverageReason::foreign_abi, CoverageLevel::calls);
    if (!(found.flags & wire::kUnreadable)) return;
    Credentials rights;
    const bool yama = yama_restricts() && read_credentials(c.tid, rights) && is_dumpable(c.pid, rights);
    say(c.pid, yama ? CoverageReason::yama : CoverageReason::unreadable, CoverageLevel::part);
}

// By libc's functions the shim has seen it too, and asks for nothing more.
void Handler::note_seal(const HeldCall& c) {
    const bool by_prctl = static_cast<Call>(c.call) == Call::prctl;
    if (by_prctl ? c.as_int(0) != PR_SET_SECCOMP : c.as_int(0) != SECCOMP_SET_MODE_FILTER) return;
    {
        auto guard = table_.lock();
        if (Process* p = table_.find(c.pid)) {
            p->sealed = true;
            registrar_.seal(p->ring_slot);
        }
    }
    const bool listens = !by_prctl && (c.args[1] & SECCOMP_FILTER_FLAG_NEW_LISTENER);
    if (by_prctl ? c.args[1] != SECCOMP_MODE_FILTER : c.args[2] == 0) return;
    // Another listener is refused, by the kernel beside ours, else by us.
    if (listens) say(c.pid, CoverageReason::own_listener, CoverageLevel::calls);
    else say(c.pid, CoverageReason::own_filter, CoverageLevel::part);
}

}  // namespace undercoat::instrument
