// See newest_process.h.
#include "supervisor/instrument/newest_process.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "supervisor/instrument/fds.h"

namespace undercoat::instrument {

NewestProcess::NewestProcess() : loadavg_(move_high(UniqueFd(open("/proc/loadavg", O_RDONLY | O_CLOEXEC)))) {
    // What imitates it (lxcfs) may say something else.
    struct statfs fs;
    if (loadavg_ && (fstatfs(loadavg_.get(), &fs) != 0 || fs.f_type != PROC_SUPER_MAGIC)) loadavg_.reset();
}

bool NewestProcess::is(pid_t pid) const {
    if (!loadavg_) return false;
    char text[128];
    const ssize_t n = pread(loadavg_.get(), text, sizeof text, 0);
    return n > 0 && last_pid(text, static_cast<size_t>(n)) == pid;
}

pid_t last_pid(const char* text, size_t n) {
    while (n != 0 && text[n - 1] == '\n') --n;
    size_t begin = n;
    while (begin != 0 && text[begin - 1] >= '0' && text[begin - 1] <= '9') --begin;
    if (begin == n || n - begin > 7 || begin == 0 || text[begin - 1] != ' ') return 0;
    pid_t pid = 0;
    for (size_t i = begin; i < n; ++i) pid = pid * 10 + (text[i] - '0');
    return pid;
}

}  // namespace undercoat::instrument
