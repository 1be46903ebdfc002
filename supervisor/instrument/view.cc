// See view.h.
#include "supervisor/instrument/view.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string_view>
#include <sys/syscall.h>
#include <unistd.h>

#include "supervisor/instrument/target.h"

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

namespace undercoat::instrument {
namespace {

constexpr size_t kPathMax = 4096;

// Names that mean another thing in each process, and where they lead for the target.
struct OwnName {
    std::string_view name;
    const char* instead;  // printf format with the pid
    bool whole;           // only when nothing follows
};
constexpr OwnName kOwnNames[] = {
    {"/proc/self", "/proc/%d", false},          {"/proc/thread-self", "/proc/%d", false}, {"/dev/fd", "/proc/%d/fd", false},
    {"/dev/stdin", "/proc/%d/fd/0", true},      {"/dev/stdout", "/proc/%d/fd/1", true},
    {"/dev/stderr", "/proc/%d/fd/2", true},     {"/proc/mounts", "/proc/%d/mounts", true},
    {"/etc/mtab", "/proc/%d/mounts", true},     {"/proc/net", "/proc/%d/net", false}};

// False: the result does not fit.
bool for_target(const char* path, pid_t pid, char* out, size_t capacity) {
    const std::string_view p = path;
    for (const OwnName& n : kOwnNames) {
        if (!p.starts_with(n.name)) continue;
        const std::string_view rest = p.substr(n.name.size());
        if (!rest.empty() && (n.whole || rest[0] != '/')) continue;
        char head[64];
        snprintf(head, sizeof head, n.instead, pid);
        return static_cast<size_t>(snprintf(out, capacity, "%s%s", head, path + n.name.size())) < capacity;
    }
    return static_cast<size_t>(snprintf(out, capacity, "%s", path)) < capacity;
}

Found stat_it(int fd) {
    Found f;
    f.fd.reset(fd);
    if (fd < 0) f.error = errno;
    else if (fstat(fd, &f.st) != 0) {
        f.error = errno;
        f.fd.reset();
    }
    return f;
}

Found unknown() {
    Found f;
    f.unknown = true;
    return f;
}

int open_in_root(int root, const char* path, int flags) {
    open_how how{};
    how.flags = static_cast<uint64_t>(flags);
    how.resolve = RESOLVE_IN_ROOT;
    return static_cast<int>(syscall(SYS_openat2, root, path, &how, sizeof how));
}

}  // namespace

std::optional<bool> shares_root(pid_t tid) {
    struct stat a, b;
    if (!stat_proc(tid, "root", a) || stat("/", &b) != 0) return std::nullopt;
    if (a.st_dev != b.st_dev || a.st_ino != b.st_ino) return false;
    return same_namespace(tid, "ns/mnt");
}

View::View(pid_t tid, pid_t pid, const Credentials& credentials, bool same_root)
    : tid_(tid), pid_(pid), credentials_(credentials), same_root_(same_root) {}

Found View::look_up(int directory, const char* path, bool follow, bool empty_ok) const {
    const int flags = O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW);
    char name[kPathMax], base_name[24];
    if (path[0] == 0 && !empty_ok) {
        Found f;
        f.error = ENOENT;
        return f;
    }
    if (path[0] == '/') {
        if (!for_target(path, pid_, name, sizeof name)) return unknown();
        if (same_root_) {
            BorrowedRights rights(credentials_);
            return rights.borrowed() ? stat_it(open(name, flags)) : unknown();
        }
        UniqueFd root(open_proc(tid_, "root", O_PATH | O_DIRECTORY));
        if (!root) return unknown();
        BorrowedRights rights(credentials_);
        return rights.borrowed() ? stat_it(open_in_root(root.get(), path, flags)) : unknown();
    }
    if (directory == AT_FDCWD) snprintf(base_name, sizeof base_name, "cwd");
    else snprintf(base_name, sizeof base_name, "fd/%d", directory);
    UniqueFd base(open_proc(tid_, base_name, O_PATH));
    if (!base) {
        if (errno != ENOENT) return unknown();
        Found f;
        f.error = directory == AT_FDCWD ? ENOENT : EBADF;
        return f;
    }
    if (path[0] == 0) return stat_it(base.release());
    if (!same_root_) return unknown();
    BorrowedRights rights(credentials_);
    return rights.borrowed() ? stat_it(openat(base.get(), path, flags)) : unknown();
}

bool View::direct(const char* path) const {
    if (!same_root_ || path[0] != '/') return false;
    const std::string_view p = path;
    return std::none_of(std::begin(kOwnNames), std::end(kOwnNames), [&](const OwnName& n) { return p.starts_with(n.name); });
}

int View::stat_direct(const char* path, struct stat& out) const {
    BorrowedRights rights(credentials_);
    if (!rights.borrowed()) return -1;
    return fstatat(AT_FDCWD, path, &out, AT_NO_AUTOMOUNT) == 0 ? 0 : errno;
}

LastComponent last_component(const char* path) {
    size_t end = strlen(path);
    const size_t whole = end;
    while (end > 0 && path[end - 1] == '/') --end;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/') --begin;
    return {path + begin, end - begin, end != whole};
}

Found View::parent_of(int directory, const char* path) const {
    const LastComponent last = last_component(path);
    const size_t n = static_cast<size_t>(last.begin - path);
    char parent[kPathMax];
    if (n + 2 > sizeof parent) return unknown();
    memcpy(parent, path, n);
    parent[n] = 0;
    if (n == 0) memcpy(parent, ".", 2);
    Found f = look_up(directory, parent, true);
    if (f && !S_ISDIR(f.st.st_mode)) {
        f.error = ENOTDIR;
        f.fd.reset();
    }
    return f;
}

int View::access(const Found& f, int mode) const {
    BorrowedRights rights(credentials_);
    if (!rights.borrowed()) return 0;
    const long r = syscall(SYS_faccessat2, f.fd.get(), "", mode, AT_EMPTY_PATH | AT_EACCESS);
    return r == 0 || errno == ENOSYS || errno == EINVAL ? 0 : errno;
}

}  // namespace undercoat::instrument
