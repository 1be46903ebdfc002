// A target's view of the file system: resolves the paths of its calls as the kernel will, by its root, its directory and its
// rights.
//
// Must stay true: nothing is opened but as O_PATH, so that no driver, FIFO or lease notices; the target's own symbolic names
// (/proc/self and what leads there) mean the target, not us.
#pragma once

#include <optional>
#include <sys/stat.h>

#include "base/unique_fd.h"
#include "supervisor/instrument/credentials.h"

namespace undercoat::instrument {

// What a look-up found: a descriptor (O_PATH) and its stat, or an error. `unknown`: it cannot be said from here.
struct Found {
    UniqueFd fd;
    struct stat st {};
    int error = 0;
    bool unknown = false;
    explicit operator bool() const { return static_cast<bool>(fd); }
};

class View {
public:
    // `same_root`: the target's root and mount name space are ours.
    View(pid_t tid, pid_t pid, const Credentials& credentials, bool same_root);
    // `directory`: the call's dirfd, or AT_FDCWD. An empty path means the directory itself when `empty_ok`.
    Found look_up(int directory, const char* path, bool follow, bool empty_ok = false) const;
    // The directory in which the last component of `path` lies or would lie.
    Found parent_of(int directory, const char* path) const;
    // 0, or the errno of access(2) with the target's effective rights. `mode`: R_OK etc.
    int access(const Found& f, int mode) const;
    // True when a plain look-up of `path` here finds what the target's finds, given its rights.
    bool direct(const char* path) const;
    // stat(2) of such a path with the target's rights, mounting nothing: 0, an errno, or -1 when its rights cannot be taken on.
    int stat_direct(const char* path, struct stat& out) const;
    const Credentials& credentials() const { return credentials_; }
    pid_t tid() const { return tid_; }
    pid_t pid() const { return pid_; }

private:
    pid_t tid_, pid_;
    const Credentials& credentials_;
    bool same_root_;
};

// Whether /proc/TID/root and its mount name space are those of this process; nothing when it may not be looked at.
std::optional<bool> shares_root(pid_t tid);

// "dir/name///" to "name" and whether slashes followed; for tests.
struct LastComponent {
    const char* begin;
    size_t length;
    bool trailing_slash;
};
LastComponent last_component(const char* path);

}  // namespace undercoat::instrument
