// See reach.h. The raw system calls act on the calling thread; glibc's wrappers would change every thread.
#include "supervisor/instrument/reach.h"

#include <cerrno>
#include <sys/syscall.h>
#include <unistd.h>

#include "supervisor/instrument/credentials.h"

namespace undercoat::instrument {
namespace {

struct Held {
    bool allowed = false;  // within a scope
    bool taken = false;
    pid_t tried = 0;
};
thread_local Held t_held;

struct Own {
    Credentials c;
    bool known = read_credentials(getpid(), c);
};
// First asked for by a thread that has taken on nothing yet.
const Own& own() {
    static const Own o;
    return o;
}

bool all_same(uint32_t a, uint32_t b, uint32_t c) { return a == b && b == c; }

bool worth_trying(const Credentials& me, pid_t tid, Credentials& target) {
    if (me.has(kCapSysPtrace) || me.euid != 0 || !me.has(kCapSetuid) || !me.has(kCapSetgid)) return false;
    if (!read_credentials(tid, target)) return false;
    if (!all_same(target.uid, target.euid, target.suid) || !all_same(target.gid, target.egid, target.sgid)) return false;
    return target.uid != me.uid || target.gid != me.gid;
}

}  // namespace

ReachScope::ReachScope() { t_held.allowed = true; }

ReachScope::~ReachScope() {
    release_reach();
    t_held = {};
}

bool take_reach(pid_t tid) {
    if (!t_held.allowed || t_held.tried == tid) return false;
    const int error = errno;
    release_reach();
    t_held.tried = tid;
    const Own& me = own();
    Credentials target;
    if (me.known && worth_trying(me.c, tid, target)) {
        // The calls for the real ids set those of the file system, too, to the effective ones.
        t_held.taken = true;
        if (syscall(SYS_setresgid, target.gid, -1, -1) == 0 && syscall(SYS_setresuid, target.uid, -1, -1) == 0) {
            syscall(SYS_setfsgid, target.gid);
            syscall(SYS_setfsuid, target.uid);
        } else release_reach();
    }
    errno = error;
    return t_held.taken;
}

void release_reach() {
    if (!t_held.taken) return;
    const Credentials& me = own().c;
    // By this call the kernel gives the capabilities back that go with files.
    syscall(SYS_setfsuid, me.euid);
    syscall(SYS_setfsgid, me.egid);
    syscall(SYS_setresgid, me.gid, -1, -1);
    syscall(SYS_setresuid, me.uid, -1, -1);
    t_held.taken = false;
    t_held.tried = 0;
}

}  // namespace undercoat::instrument
