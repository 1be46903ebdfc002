// See open_file.h. A look-up that the kernel can do from its caches waits for nobody, and what is mapped is there.
#include "supervisor/stack/open_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace undercoat::stack {
namespace {

constexpr size_t kMostMounts = 1 << 20;

UniqueFd open_path(const std::string& path) {
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_CACHED;
    const long fd = ::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how);
    if (fd >= 0) return UniqueFd(static_cast<int>(fd));
    if (errno != ENOSYS && errno != EINVAL) return {};
    return UniqueFd(::open(path.c_str(), O_PATH | O_CLOEXEC));
}

std::string mounts_of(const std::string& who) {
    const UniqueFd fd(::open(("/proc/" + who + "/mountinfo").c_str(), O_RDONLY | O_CLOEXEC));
    std::string s;
    char piece[8192];
    for (ssize_t n; fd && s.size() < kMostMounts && (n = ::read(fd.get(), piece, sizeof piece)) > 0;)
        s.append(piece, static_cast<size_t>(n));
    return s;
}

// Block devices serve themselves; others are looked up in the mount tables.
bool is_safe(int64_t pid, unsigned major, unsigned minor) {
    if (major != 0) return true;
    return !is_served(mounts_of("self"), major, minor) || (pid > 0 && !is_served(mounts_of(std::to_string(pid)), major, minor));
}

UniqueFd open_at(int64_t pid, const std::string& path, FileId& id) {
    const UniqueFd place = open_path(path);
    if (!place) return {};
    struct statx st {};
    const unsigned wanted = STATX_TYPE | STATX_INO | STATX_SIZE | STATX_MTIME;
    if (::statx(place.get(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, wanted, &st) != 0 || !S_ISREG(st.stx_mode)) return {};
    if (!is_safe(pid, st.stx_dev_major, st.stx_dev_minor)) return {};
    id = {::makedev(st.stx_dev_major, st.stx_dev_minor), st.stx_ino, st.stx_size,
          st.stx_mtime.tv_sec * 1'000'000'000 + st.stx_mtime.tv_nsec};
    return UniqueFd(::open(("/proc/self/fd/" + std::to_string(place.get())).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
}

}  // namespace

bool is_served(const std::string& mountinfo, unsigned major, unsigned minor) {
    char device[40];
    std::snprintf(device, sizeof device, " %u:%u ", major, minor);
    size_t at = 0;
    while (at < mountinfo.size()) {
        const size_t end = std::min(mountinfo.find('\n', at), mountinfo.size());
        const std::string line = mountinfo.substr(at, end - at);
        at = end + 1;
        // "id parent major:minor root point options … - type source …"
        const size_t type = line.find(" - ");
        const size_t second = line.find(' ', line.find(' ') + 1);
        if (type == std::string::npos || line.compare(second, std::strlen(device), device) != 0) continue;
        return line.compare(type + 3, 4, "fuse") == 0 || line.compare(type + 3, 2, "9p") == 0;
    }
    return true;
}

UniqueFd open_plain(int64_t pid, const std::string& path, FileId& id) {
    if (path.empty() || path[0] != '/') return {};
    if (pid > 0)
        if (UniqueFd fd = open_at(pid, "/proc/" + std::to_string(pid) + "/root" + path, id)) return fd;
    return open_at(0, path, id);
}

}  // namespace undercoat::stack
