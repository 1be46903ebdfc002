// See child.h.
#include "supervisor/probes/child.h"

#include <cerrno>
#include <csignal>
#include <ctime>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace undercoat::probes {

ChildOutcome wait_child(int pid) {
    ChildOutcome r;
    int status = 0;
    for (int turn = 0; turn < 2000; ++turn) {
        const pid_t got = ::waitpid(pid, &status, WNOHANG);
        if (got == pid) {
            r.exited = WIFEXITED(status);
            r.code = r.exited ? WEXITSTATUS(status) : -1;
            r.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
            return r;
        }
        if (got < 0 && errno != EINTR) return r;
        const timespec pause{0, 1000000};
        ::nanosleep(&pause, nullptr);
    }
    r.timed_out = true;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, &status, 0);
    return r;
}

ChildOutcome in_child(const std::function<int()>& f) {
    const pid_t pid = ::fork();
    if (pid < 0) return {};
    if (pid == 0) ::_exit(f());
    return wait_child(pid);
}

bool has_capability(int number) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    if (::syscall(SYS_capget, &header, data) != 0) return false;
    return data[number / 32].effective >> (number % 32) & 1;
}

}  // namespace undercoat::probes
