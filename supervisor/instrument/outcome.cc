// What follows a call that a back end with exact results has let run (see handler.h): its end, a new image, a ring made of
// the caller's own file.
#include <cerrno>
#include <cstring>
#include <fcntl.h>

#include "supervisor/instrument/fds.h"
#include "supervisor/instrument/handler.h"
#include "supervisor/instrument/socket_facts.h"
#include "supervisor/instrument/target.h"

namespace undercoat::instrument {
namespace {
bool is_exec(uint16_t call) {
    return call == static_cast<uint16_t>(wire::Call::execve) || call == static_cast<uint16_t>(wire::Call::execveat);
}
}  // namespace

void Handler::follow_up(TrapBackend& backend, Ticket& t) {
    const Trap& trap = t.trap;
    HeldCall c;
    c.tid = static_cast<pid_t>(trap.tid);
    switch (trap.phase) {
        case Trap::Phase::gone:
            finish_call(trap.entry_id, trap.result);
            return;
        case Trap::Phase::ended:
            if (is_exec(finish_call(trap.entry_id, trap.result))) drop_failed_exec(c);
            break;
        case Trap::Phase::image: {
            CallBook::Entry e;
            // A process that there was no room for has its record all the same, without what its new image is.
            if (end_exec(c.tid, t) && book_.take(trap.entry_id, e)) book_.give_back(std::move(e));
            else finish_call(trap.entry_id, 0);
            break;
        }
        case Trap::Phase::made: return take_file(backend, c, t);
        case Trap::Phase::entry: break;
    }
    backend.proceed(trap.id);
}

uint16_t Handler::finish_call(uint64_t entry_id, int64_t result) {
    CallBook::Entry e;
    if (!book_.take(entry_id, e)) return wire::kNoCall;
    const bool known = result != wire::kStatusUnknown;
    e.header.result = known ? result : 0;
    if (!known) e.header.flags |= wire::kResultUnknown;
    else look_at_ends(e.header, result, e.payload);
    emit(e.header, e.payload.data(), e.payload.size());
    const uint16_t call = e.header.call;
    book_.give_back(std::move(e));
    return call;
}

void Handler::drop_failed_exec(const HeldCall& c) {
    const pid_t pid = table_.group_of(c.tid, monotonic_ns());
    auto guard = table_.lock();
    Process* p = table_.find(pid);
    const PendingExec* e = p ? table_.pending(*p) : nullptr;
    if (e && e->tid == static_cast<uint32_t>(c.tid)) table_.drop_pending(*p);
}

void Handler::ask_for_file(TrapBackend& backend, const HeldCall& c, Ticket& t) {
    int error = ESRCH;
    {
        auto guard = table_.lock();
        if (const Process* p = table_.find(c.pid)) error = p->sealed ? EPERM : 0;
    }
    char link[8];
    // What it makes must be within our reach.
    const bool reachable = read_link(c.tid, "cwd", link, sizeof link) != 0;
    if (t.trap.args[3] != wire::kAbi) backend.fail(t.trap.id, EPROTONOSUPPORT);
    else if (error != 0 || !reachable) backend.fail(t.trap.id, error != 0 ? error : EACCES);
    else backend.make_memfd(t.trap.id);
}

// The table knows of the ring before the caller does, as in give_ring().
void Handler::take_file(TrapBackend& backend, const HeldCall& c, Ticket& t) {
    if (t.trap.result < 0) {
        backend.proceed(t.trap.id);
        return;
    }
    char name[32], link[64] = {};
    const int number = static_cast<int>(t.trap.result);
    snprintf(name, sizeof name, "/proc/%d/fd/%d", c.tid, number);
    UniqueFd file;
    // Another thread may have put anything in its place, which must not hold us up; make_ring() refuses what has no seals.
    if (read_fd_link(c.tid, number, link, sizeof link - 1) != 0 && strncmp(link, "/memfd:", 7) == 0)
        file = move_high(UniqueFd(open(name, O_RDWR | O_CLOEXEC | O_NONBLOCK)));
    int fd = -1;
    const int slot = file ? adopt_ring(table_.group_of(c.tid, monotonic_ns()), t, &fd, std::move(file)) : -EACCES;
    if (slot < 0) backend.fail(t.trap.id, -slot);
    else backend.proceed(t.trap.id);
}

}  // namespace undercoat::instrument
