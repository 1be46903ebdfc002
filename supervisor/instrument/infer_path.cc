// What the calls that change directories and inodes will return.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "supervisor/instrument/infer.h"

namespace undercoat::instrument {
namespace {

using wire::Call;

struct Name {
    int directory;
    const char* path;
};

Verdict creates(const View& v, Name n, bool directory_itself) {
    const LastComponent last = last_component(n.path);
    Found there = v.look_up(n.directory, n.path, false);
    if (there.unknown) return unknown_result();
    if (there) return inferred_error(EEXIST);
    if (there.error != ENOENT || n.path[0] == 0) return inferred_error(there.error);
    if (last.trailing_slash && !directory_itself) return inferred_error(ENOENT);
    const Found parent = v.parent_of(n.directory, n.path);
    if (parent.unknown) return unknown_result();
    if (!parent) return inferred_error(parent.error);
    const int error = v.access(parent, W_OK | X_OK);
    return error ? inferred_error(error) : inferred(0);
}

// May the target take `victim` out of `parent`? 0 or the errno.
int may_remove(const View& v, const Found& parent, const Found& victim) {
    if (const int error = v.access(parent, W_OK | X_OK)) return error;
    const Credentials& c = v.credentials();
    const bool sticky = parent.st.st_mode & S_ISVTX;
    if (sticky && c.fsuid != victim.st.st_uid && c.fsuid != parent.st.st_uid && !c.has(kCapFowner)) return EPERM;
    return 0;
}

bool has_entries(const Found& directory) {
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", directory.fd.get());
    DIR* d = opendir(link);
    if (!d) return false;
    bool any = false;
    while (const dirent* e = readdir(d)) any |= strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(d);
    return any;
}

Verdict removes(const View& v, Name n, bool directory) {
    const LastComponent last = last_component(n.path);
    if (directory && last.length == 1 && last.begin[0] == '.') return inferred_error(EINVAL);
    if (directory && last.length == 2 && memcmp(last.begin, "..", 2) == 0) return inferred_error(ENOTEMPTY);
    const Found victim = v.look_up(n.directory, n.path, false);
    if (victim.unknown) return unknown_result();
    if (!victim) return inferred_error(victim.error);
    const Found parent = v.parent_of(n.directory, n.path);
    if (!parent) return parent.unknown ? unknown_result() : inferred_error(parent.error);
    if (const int error = may_remove(v, parent, victim)) return inferred_error(error);
    const bool is_directory = S_ISDIR(victim.st.st_mode);
    if (directory && !is_directory) return inferred_error(ENOTDIR);
    if (!directory && is_directory) return inferred_error(EISDIR);
    if (parent.st.st_dev != victim.st.st_dev && is_directory) return unknown_result();  // perhaps a mount point
    return directory && has_entries(victim) ? inferred_error(ENOTEMPTY) : inferred(0);
}

Verdict renames(const View& v, Name from, Name to, unsigned flags) {
    constexpr unsigned kNoReplace = 1, kExchange = 2;
    const Found old = v.look_up(from.directory, from.path, false);
    const Found old_parent = v.parent_of(from.directory, from.path);
    const Found new_parent = v.parent_of(to.directory, to.path);
    const Found victim = v.look_up(to.directory, to.path, false);
    if (old.unknown || old_parent.unknown || new_parent.unknown || victim.unknown) return unknown_result();
    if (!old_parent) return inferred_error(old_parent.error);
    if (!new_parent) return inferred_error(new_parent.error);
    if (old_parent.st.st_dev != new_parent.st.st_dev) return inferred_error(EXDEV);
    if (!old) return inferred_error(old.error);
    if (victim && flags & kNoReplace) return inferred_error(EEXIST);
    if (!victim && flags & kExchange) return inferred_error(ENOENT);
    if (const int error = may_remove(v, old_parent, old)) return inferred_error(error);
    if (const int error = victim ? may_remove(v, new_parent, victim) : v.access(new_parent, W_OK | X_OK))
        return inferred_error(error);
    if (flags & kExchange || !victim) return inferred(0);
    const bool from_directory = S_ISDIR(old.st.st_mode), to_directory = S_ISDIR(victim.st.st_mode);
    if (from_directory && !to_directory) return inferred_error(ENOTDIR);
    if (!from_directory && to_directory) return inferred_error(EISDIR);
    const bool same = old.st.st_ino == victim.st.st_ino && old.st.st_dev == victim.st.st_dev;
    return to_directory && !same && has_entries(victim) ? inferred_error(ENOTEMPTY) : inferred(0);
}

Verdict links(const View& v, Name from, Name to, unsigned flags) {
    const Found old = v.look_up(from.directory, from.path, flags & AT_SYMLINK_FOLLOW, flags & AT_EMPTY_PATH);
    if (!old) return old.unknown ? unknown_result() : inferred_error(old.error);
    const Verdict made = creates(v, to, false);
    if (!made.known || made.result != 0) return made;
    const Found parent = v.parent_of(to.directory, to.path);
    if (parent && S_ISDIR(old.st.st_mode)) return inferred_error(EPERM);
    const Found old_parent = v.parent_of(from.directory, from.path);
    if (!parent || !old_parent) return unknown_result();
    return parent.st.st_dev != old_parent.st.st_dev ? inferred_error(EXDEV) : made;
}

enum class Change { mode, owner, size };

Verdict changes(const View& v, const Found& f, Change what) {
    if (!f) return f.unknown ? unknown_result() : inferred_error(f.error);
    const Credentials& c = v.credentials();
    const int writable = v.access(f, W_OK);
    if (writable == EROFS) return inferred_error(EROFS);
    if (what == Change::size) {
        if (S_ISDIR(f.st.st_mode)) return inferred_error(EISDIR);
        if (!S_ISREG(f.st.st_mode)) return inferred_error(EINVAL);
        return inferred(-writable);
    }
    if (what == Change::mode) return inferred(c.fsuid == f.st.st_uid || c.has(kCapFowner) ? 0 : -EPERM);
    if (c.has(kCapChown)) return inferred(0);
    return c.fsuid == f.st.st_uid ? unknown_result() : inferred_error(EPERM);
}

// An already open descriptor: fchmod, fchown, fchdir.
Found open_descriptor(const Question& q) { return q.view.look_up(q.call.as_int(0), "", true, true); }

Verdict goes_to(const View& v, const Found& f, bool root) {
    if (!f) return f.unknown ? unknown_result() : inferred_error(f.error);
    if (!S_ISDIR(f.st.st_mode)) return inferred_error(ENOTDIR);
    if (const int error = v.access(f, X_OK)) return inferred_error(error);
    return root && !v.credentials().has(kCapSysChroot) ? inferred_error(EPERM) : inferred(0);
}

Verdict makes_node(const Question& q, Name n, uint64_t mode) {
    const Verdict v = creates(q.view, n, false);
    const bool is_device = S_ISCHR(mode) || S_ISBLK(mode);
    if (v.known && v.result == 0 && is_device && !q.view.credentials().has(kCapMknod)) return inferred_error(EPERM);
    return v;
}

}  // namespace

Verdict infer_path_call(const Question& q) {
    const HeldCall& c = q.call;
    const View& v = q.view;
    const char *first = q.captured.paths[0].text, *second = q.captured.paths[1].text;
    const int d0 = c.as_int(0);
    const auto at_flags = [&](unsigned i) { return static_cast<unsigned>(c.args[i]); };
    const auto at = [&](unsigned flags_arg) {
        return v.look_up(d0, first, !(at_flags(flags_arg) & AT_SYMLINK_NOFOLLOW), at_flags(flags_arg) & AT_EMPTY_PATH);
    };
    switch (static_cast<Call>(c.call)) {
        case Call::mkdir: return creates(v, {AT_FDCWD, first}, true);
        case Call::mkdirat: return creates(v, {d0, first}, true);
        case Call::mknod: return makes_node(q, {AT_FDCWD, first}, c.args[1]);
        case Call::mknodat: return makes_node(q, {d0, first}, c.args[2]);
        case Call::symlink: return creates(v, {AT_FDCWD, first}, false);
        case Call::symlinkat: return creates(v, {c.as_int(1), first}, false);
        case Call::rmdir: return removes(v, {AT_FDCWD, first}, true);
        case Call::unlink: return removes(v, {AT_FDCWD, first}, false);
        case Call::unlinkat: return removes(v, {d0, first}, at_flags(2) & AT_REMOVEDIR);
        case Call::rename: return renames(v, {AT_FDCWD, first}, {AT_FDCWD, second}, 0);
        case Call::renameat: return renames(v, {d0, first}, {c.as_int(2), second}, 0);
        case Call::renameat2: return renames(v, {d0, first}, {c.as_int(2), second}, at_flags(4));
        case Call::link: return links(v, {AT_FDCWD, first}, {AT_FDCWD, second}, 0);
        case Call::linkat: return links(v, {d0, first}, {c.as_int(2), second}, at_flags(4));
        case Call::chmod: return changes(v, v.look_up(AT_FDCWD, first, true), Change::mode);
        case Call::fchmodat: return changes(v, v.look_up(d0, first, true), Change::mode);
        case Call::fchmodat2: return changes(v, at(3), Change::mode);
        case Call::fchmod: return changes(v, open_descriptor(q), Change::mode);
        case Call::chown: return changes(v, v.look_up(AT_FDCWD, first, true), Change::owner);
        case Call::lchown: return changes(v, v.look_up(AT_FDCWD, first, false), Change::owner);
        case Call::fchownat: return changes(v, at(4), Change::owner);
        case Call::fchown: return changes(v, open_descriptor(q), Change::owner);
        case Call::truncate: return changes(v, v.look_up(AT_FDCWD, first, true), Change::size);
        case Call::chdir: return goes_to(v, v.look_up(AT_FDCWD, first, true), false);
        case Call::fchdir: return goes_to(v, open_descriptor(q), false);
        case Call::chroot: return goes_to(v, v.look_up(AT_FDCWD, first, true), true);
        default: return unknown_result();
    }
}

}  // namespace undercoat::instrument
