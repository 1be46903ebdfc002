// See fds.h.
#include "supervisor/instrument/fds.h"

#include <algorithm>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/resource.h>
#include <sys/syscall.h>

namespace undercoat::instrument {
namespace {
constexpr int kFirst = 500;
constexpr int kReserved = 16384;  // numbers: 128 KiB of the kernel's memory
int g_base = kFirst;
rlimit g_inherited{};
bool g_limit_changed = false;
bool g_crowded = false;  // one of ours had to stay among the inherited ones
}  // namespace

void prepare_fds() {
    if (getrlimit(RLIMIT_NOFILE, &g_inherited) == 0 && g_inherited.rlim_cur < g_inherited.rlim_max) {
        rlimit raised{g_inherited.rlim_max, g_inherited.rlim_max};
        g_limit_changed = setrlimit(RLIMIT_NOFILE, &raised) == 0;
    }
    DIR* dir = opendir("/proc/self/fd");
    if (!dir) return;
    int highest = 2;
    while (const dirent* e = readdir(dir))
        if (const int fd = atoi(e->d_name); fd != dirfd(dir)) highest = std::max(highest, fd);
    closedir(dir);
    // A low hard limit leaves a quarter of it below us: a number that does not exist would hold none of ours.
    rlimit now{};
    int first = kFirst;
    if (getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_cur < 2 * kFirst) first = static_cast<int>(now.rlim_cur / 4);
    g_base = std::max(first, highest + 1);
}

void restore_fd_limit() {
    if (g_limit_changed) setrlimit(RLIMIT_NOFILE, &g_inherited);
}

void reserve_fds() {
    rlimit now{};
    if (getrlimit(RLIMIT_NOFILE, &now) != 0) return;
    const int last = static_cast<int>(std::min<rlim_t>(now.rlim_cur, kReserved)) - 1;
    UniqueFd grown(fcntl(0, F_DUPFD_CLOEXEC, last));
    // No standard input: anything else that is open serves as well.
    for (int fd = 1; !grown && fd < g_base + 16; ++fd) grown.reset(fcntl(fd, F_DUPFD_CLOEXEC, last));
}

UniqueFd move_high(UniqueFd fd) {
    if (!fd || fd.get() >= g_base) return fd;
    const int high = fcntl(fd.get(), F_DUPFD_CLOEXEC, g_base);
    if (high < 0) {
        fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
        g_crowded = true;
        return fd;
    }
    return UniqueFd(high);
}

void drop_inherited(bool input, bool output) {
    // Where ours lie among them, rather keep theirs open than lose ours.
    if (!g_crowded && g_base > 3) syscall(SYS_close_range, 3, g_base - 1, 0);
    if (!input && !output) return;
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd : {0, 1}) {
        if (fd == 0 ? !input : !output) continue;
        if (null >= 0) dup2(null, fd);
        else close(fd);
    }
    if (null > 2) close(null);
}

}  // namespace undercoat::instrument
