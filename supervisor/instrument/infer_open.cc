// What open(2) and its relatives will return.
#include <cerrno>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "supervisor/instrument/infer.h"
#include "supervisor/instrument/target.h"

namespace undercoat::instrument {
namespace {

constexpr uint64_t kTmpfileBit = O_TMPFILE & ~O_DIRECTORY;
constexpr unsigned kMemMajor = 1, kTtyMajor = 5, kPtsMajor = 136;

int wanted_access(uint64_t flags) {
    int mode = 0;
    const uint64_t how = flags & O_ACCMODE;
    if (how != O_WRONLY) mode |= R_OK;
    if (how != O_RDONLY || flags & O_TRUNC) mode |= W_OK;
    return mode;
}

Verdict new_file(const View& v, int directory, const char* path) {
    // A dangling link is followed by O_CREAT, and where it leads is not looked at.
    if (v.look_up(directory, path, false)) return unknown_result();
    const Found parent = v.parent_of(directory, path);
    if (parent.unknown) return unknown_result();
    if (!parent) return inferred_error(parent.error);
    const int error = v.access(parent, W_OK | X_OK);
    return error ? inferred_error(error) : inferred_fd();
}

Verdict device(const View& v, const Found& f, int access_error) {
    const unsigned major_number = major(f.st.st_rdev), minor_number = minor(f.st.st_rdev);
    if (access_error) return inferred_error(access_error);
    if (S_ISCHR(f.st.st_mode) && major_number == kTtyMajor && minor_number == 0) {
        Stat s;
        if (read_stat(v.pid(), s) && s.tty == 0) return inferred_error(ENXIO);
        return inferred_fd();
    }
    if (S_ISCHR(f.st.st_mode) && (major_number == kMemMajor || major_number == kPtsMajor)) return inferred_fd();
    return unknown_result();
}

// A plain open for reading of what a stat is enough to judge: by its owner, or by one whom no mode bits stop.
bool judged_by_stat(const View& v, const char* path, uint64_t flags, Verdict& verdict) {
    constexpr uint64_t kMore = O_CREAT | O_EXCL | O_TRUNC | O_NOFOLLOW | O_DIRECTORY | O_PATH | kTmpfileBit;
    struct stat st;
    if ((flags & O_ACCMODE) != O_RDONLY || flags & kMore || !v.direct(path)) return false;
    const int error = v.stat_direct(path, st);
    if (error < 0) return false;
    const Credentials& c = v.credentials();
    const bool may_read = c.has(kCapDacReadSearch) || c.has(kCapDacOverride) || (c.fsuid == st.st_uid && st.st_mode & S_IRUSR);
    if (error == 0 && (!may_read || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))) return false;
    verdict = error ? inferred_error(error) : inferred_fd();
    return true;
}

}  // namespace

Verdict infer_open(const View& v, int directory, const char* path, uint64_t flags) {
    if (Verdict v_stat; judged_by_stat(v, path, flags, v_stat)) return v_stat;
    const bool only_path = flags & O_PATH;
    const bool create = flags & O_CREAT && !only_path, exclusive = create && flags & O_EXCL;
    const bool follow = !(flags & O_NOFOLLOW) && !exclusive;
    if (create && path[0] && last_component(path).trailing_slash) {
        const Found parent = v.parent_of(directory, path);
        return parent.unknown ? unknown_result() : inferred_error(parent ? EISDIR : parent.error);
    }
    const Found f = v.look_up(directory, path, follow);
    if (f.unknown) return unknown_result();
    if (!f) return f.error == ENOENT && create && path[0] ? new_file(v, directory, path) : inferred_error(f.error);
    if (exclusive) return inferred_error(EEXIST);
    if (flags & O_DIRECTORY && !S_ISDIR(f.st.st_mode)) return inferred_error(ENOTDIR);
    if (only_path) return inferred_fd();
    if (S_ISLNK(f.st.st_mode)) return inferred_error(ELOOP);
    const int error = v.access(f, wanted_access(flags));
    if (S_ISDIR(f.st.st_mode)) {
        if (flags & kTmpfileBit) {
            const int no = v.access(f, W_OK | X_OK);
            return no ? inferred_error(no) : inferred_fd();
        }
        if (create || (flags & O_ACCMODE) != O_RDONLY) return inferred_error(EISDIR);
    }
    if (S_ISSOCK(f.st.st_mode)) return inferred_error(error ? error : ENXIO);
    if (S_ISCHR(f.st.st_mode) || S_ISBLK(f.st.st_mode)) return device(v, f, error);
    if (error) return inferred_error(error);
    // A reader must be there already, or nobody blocks: not to be seen from here.
    if (S_ISFIFO(f.st.st_mode)) return flags & O_NONBLOCK && (flags & O_ACCMODE) == O_WRONLY ? unknown_result() : inferred_fd();
    return inferred_fd();
}

}  // namespace undercoat::instrument
