// See fileinfo.h. Overlayfs shows no layer to user space; but everything in the lower layers got its ctime when the image was
// unpacked, and whatever is written, changed or copied up gets a later one.
#include "supervisor/instrument/fileinfo.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <linux/magic.h>

#include "supervisor/instrument/overlays.h"
#include "supervisor/instrument/procinfo.h"
#include "supervisor/instrument/target.h"

namespace undercoat::instrument {
namespace {

// `overlay_began` is asked only where the answer matters: of the files of the image it never does.
template <class Began>
uint32_t layer_by_age(const struct stat& st, Began overlay_began) {
    static const uint64_t container_began = [] {
        Stat first;
        return read_stat(1, first) ? ticks_to_ns(first.start_time) : 0;
    }();
    const uint64_t changed = static_cast<uint64_t>(st.st_ctim.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(st.st_ctim.tv_nsec);
    const bool young = changed >= container_began && (changed >= overlays().newest_call() || changed >= overlay_began());
    return young ? wire::kUpperLayer : wire::kLowerLayer;
}

}  // namespace

uint32_t layer_flags(pid_t pid, int fd, const struct stat& st) {
    struct statfs fs;
    if (fstatfs(fd, &fs) != 0 || fs.f_type != OVERLAYFS_SUPER_MAGIC) return 0;
    return layer_by_age(st, [&] { return overlay_began(pid, fd); });
}

uint32_t layer_of_program(pid_t pid, const struct stat& st) {
    return layer_by_age(st, [&] {
        const UniqueFd exe(open_proc(pid, "exe", O_PATH));
        return exe ? overlay_began(pid, exe.get()) : 0;
    });
}

bool has_capabilities(int fd) {
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return getxattr(link, "security.capability", nullptr, 0) >= 0 || (errno != ENODATA && errno != EOPNOTSUPP);
}

}  // namespace undercoat::instrument
