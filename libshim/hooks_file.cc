// Hooks of calls that name files.
//
// Must stay true: each makes the system call that the loaded libc makes for it (glibc's open is openat, musl's is
// open), so that a program's calls are the same with and without us; what a libc does beyond one call is left to the
// real function.
#include "libshim/invoke.h"
#include "libshim/real_call.h"
#include "libshim/text.h"

using namespace undercoat;
using namespace undercoat::shim;

namespace {
constexpr int kAtFdCwd = -100, kLargeFile = 0100000;
constexpr int kWronly = 1, kRdwr = 2, kCreat = 0100, kExcl = 0200, kTrunc = 01000, kAppend = 02000, kNonblock = 04000;
constexpr int kDirectory = 0200000, kCloexec = 02000000, kTmpfile = 020000000;
constexpr unsigned kFifo = 0010000;
constexpr int kEinval = 22;

bool look_for_musl() {
    static uint8_t known;  // 1: musl, 2: glibc
    if (!known) known = libc_function("gnu_get_libc_version") ? 2 : 1;
    return known == 1;
}

inline bool on_musl() { return g_image.scanned ? g_image.musl : look_for_musl(); }

[[gnu::noinline]] int open_at(int dirfd, const char* path, int flags, unsigned mode) {
    if (on_musl()) flags |= kLargeFile;
    return static_cast<int>(call<Call::openat, may_block>(dirfd, path, flags, mode));
}

[[gnu::noinline]] int open_here(const char* path, int flags, unsigned mode) {
    if (!on_musl()) return static_cast<int>(call<Call::openat, may_block>(kAtFdCwd, path, flags, mode));
    return static_cast<int>(call<Call::open, may_block>(path, flags | kLargeFile, mode));
}

bool takes_mode(int flags) { return flags & kCreat || (flags & kTmpfile) == kTmpfile; }

// The flags of an fopen mode, or -1 for one that the real function must judge.
int mode_flags(const char* mode) {
    int flags;
    switch (mode[0]) {
        case 'r': flags = 0; break;
        case 'w': flags = kWronly | kCreat | kTrunc; break;
        case 'a': flags = kWronly | kCreat | kAppend; break;
        default: return -1;
    }
    for (const char* p = mode + 1; *p; p++) {
        if (p - mode > 7) return -1;
        switch (*p) {
            case '+': flags = (flags & ~kWronly) | kRdwr; break;
            case 'x': flags |= kExcl; break;
            case 'e': flags |= kCloexec; break;
            case 'b':
            case 't': break;
            default: return -1;  // ccs=, m, c
        }
    }
    return flags;
}

bool plain_pointer(const void* p) { return reinterpret_cast<uintptr_t>(p) >= 65536; }
}  // namespace

extern "C" {
struct _IO_FILE;
_IO_FILE* fdopen(int, const char*);
struct __dirstream;
__dirstream* fdopendir(int);
int close(int);
[[noreturn]] void abort();
}

// The mode of an open is in its register whether the caller passed one or not, so these are no variadic functions; the
// kernel gets 0 where libc would not read it.
UC_EXPORT int open(const char* path, int flags, unsigned mode) {
    return open_here(path, flags, takes_mode(flags) ? mode : 0);
}
UC_EXPORT int open64(const char* path, int flags, unsigned mode) {
    return open_here(path, flags, takes_mode(flags) ? mode : 0);
}
UC_EXPORT int openat(int dirfd, const char* path, int flags, unsigned mode) {
    return open_at(dirfd, path, flags, takes_mode(flags) ? mode : 0);
}
UC_EXPORT int openat64(int dirfd, const char* path, int flags, unsigned mode) {
    return open_at(dirfd, path, flags, takes_mode(flags) ? mode : 0);
}
// The fortified forms refuse flags that need a mode: the real one says so and aborts.
UC_EXPORT int __open_2(const char* path, int flags) {
    const auto real = UC_REAL(__open_2);
    return takes_mode(flags) && real ? real(path, flags) : open_here(path, flags, 0);
}
UC_EXPORT int __open64_2(const char* path, int flags) {
    const auto real = UC_REAL(__open64_2);
    return takes_mode(flags) && real ? real(path, flags) : open_here(path, flags, 0);
}
UC_EXPORT int __openat_2(int dirfd, const char* path, int flags) {
    const auto real = UC_REAL(__openat_2);
    return takes_mode(flags) && real ? real(dirfd, path, flags) : open_at(dirfd, path, flags, 0);
}
UC_EXPORT int __openat64_2(int dirfd, const char* path, int flags) {
    const auto real = UC_REAL(__openat64_2);
    return takes_mode(flags) && real ? real(dirfd, path, flags) : open_at(dirfd, path, flags, 0);
}
UC_EXPORT int creat(const char* path, unsigned mode) {
    if (on_musl()) return open_here(path, kCreat | kWronly | kTrunc, mode);
    return static_cast<int>(call<Call::creat, may_block>(path, mode));
}
UC_EXPORT int creat64(const char* path, unsigned mode) { return creat(path, mode); }

// fopen and opendir call inside libc, where it would trap: open here, and let libc make its object of the descriptor.
UC_EXPORT _IO_FILE* fopen(const char* path, const char* mode) {
    const auto real = UC_REAL(fopen);
    const auto make = UC_REAL(fdopen);
    const int flags = (managed() || enlist()) && make && plain_pointer(mode) ? mode_flags(mode) : -1;
    if (flags < 0) return real ? real(path, mode) : nullptr;
    const int fd = open_here(path, flags, 0666);
    if (fd < 0) return nullptr;
    if ((flags & (kWronly | kAppend)) == (kWronly | kAppend) && !on_musl()) {  // as glibc's fopen does, but not its fdopen
        constexpr long kEspipe = -29, kSeekEnd = 2;
        const long r = own_call(wire::info(Call::lseek).x86_64, fd, 0, kSeekEnd);
        if (failed(r) && r != kEspipe) {
            own_call(wire::info(Call::close).x86_64, fd);
            return set_errno(static_cast<int>(-r)), nullptr;
        }
    }
    _IO_FILE* file = make(fd, mode);
    if (!file) own_call(wire::info(Call::close).x86_64, fd);
    return file;
}
UC_EXPORT _IO_FILE* fopen64(const char* path, const char* mode) { return fopen(path, mode); }

UC_EXPORT __dirstream* opendir(const char* path) {
    const auto real = UC_REAL(opendir);
    const auto make = UC_REAL(fdopendir);
    if (!(managed() || enlist()) || !make) return real ? real(path) : nullptr;
    // In glibc it is no cancellation point.
    const int fd = on_musl() ? open_here(path, kDirectory | kCloexec, 0)
                             : static_cast<int>(call<Call::openat>(kAtFdCwd, path, kDirectory | kCloexec | kNonblock, 0));
    if (fd < 0) return nullptr;
    __dirstream* dir = make(fd);
    if (!dir) own_call(wire::info(Call::close).x86_64, fd);
    return dir;
}

#define UC_INT(...) return static_cast<int>(__VA_ARGS__)

UC_EXPORT int unlink(const char* path) { UC_INT(call<Call::unlink>(path)); }
UC_EXPORT int unlinkat(int dirfd, const char* path, int flags) { UC_INT(call<Call::unlinkat>(dirfd, path, flags)); }
UC_EXPORT int rmdir(const char* path) { UC_INT(call<Call::rmdir>(path)); }
UC_EXPORT int mkdir(const char* path, unsigned mode) { UC_INT(call<Call::mkdir>(path, mode)); }
UC_EXPORT int mkdirat(int dirfd, const char* path, unsigned mode) { UC_INT(call<Call::mkdirat>(dirfd, path, mode)); }
UC_EXPORT int rename(const char* from, const char* to) { UC_INT(call<Call::rename>(from, to)); }
UC_EXPORT int renameat(int fromfd, const char* from, int tofd, const char* to) {
    UC_INT(call<Call::renameat>(fromfd, from, tofd, to));
}
UC_EXPORT int renameat2(int fromfd, const char* from, int tofd, const char* to, unsigned flags) {
    if (!flags) return renameat(fromfd, from, tofd, to);
    UC_INT(call<Call::renameat2>(fromfd, from, tofd, to, flags));
}
UC_EXPORT int link(const char* from, const char* to) { UC_INT(call<Call::link>(from, to)); }
UC_EXPORT int linkat(int fromfd, const char* from, int tofd, const char* to, int flags) {
    UC_INT(call<Call::linkat>(fromfd, from, tofd, to, flags));
}
UC_EXPORT int symlink(const char* target, const char* path) { UC_INT(call<Call::symlink>(target, path)); }
UC_EXPORT int symlinkat(const char* target, int dirfd, const char* path) {
    UC_INT(call<Call::symlinkat>(target, dirfd, path));
}
UC_EXPORT int chmod(const char* path, unsigned mode) { UC_INT(call<Call::chmod>(path, mode)); }
UC_EXPORT int fchmod(int fd, unsigned mode) {
    if (const auto real = UC_REAL(fchmod); real && on_musl())  // musl falls back to /proc
        return real_call<Call::fchmod>(real, fd, mode);
    UC_INT(call<Call::fchmod>(fd, mode));
}
// With flags both libcs emulate what the system call could not do.
UC_EXPORT int fchmodat(int dirfd, const char* path, unsigned mode, int flags) {
    const auto real = UC_REAL(fchmodat);
    if (flags && real) return real(dirfd, path, mode, flags);
    UC_INT(call<Call::fchmodat>(dirfd, path, mode));
}
UC_EXPORT int chown(const char* path, unsigned uid, unsigned gid) { UC_INT(call<Call::chown>(path, uid, gid)); }
UC_EXPORT int lchown(const char* path, unsigned uid, unsigned gid) { UC_INT(call<Call::lchown>(path, uid, gid)); }
UC_EXPORT int fchown(int fd, unsigned uid, unsigned gid) {
    if (const auto real = UC_REAL(fchown); real && on_musl()) return real_call<Call::fchown>(real, fd, uid, gid);
    UC_INT(call<Call::fchown>(fd, uid, gid));
}
UC_EXPORT int fchownat(int dirfd, const char* path, unsigned uid, unsigned gid, int flags) {
    UC_INT(call<Call::fchownat>(dirfd, path, uid, gid, flags));
}
UC_EXPORT int truncate(const char* path, int64_t size) { UC_INT(call<Call::truncate>(path, size)); }
UC_EXPORT int truncate64(const char* path, int64_t size) { UC_INT(call<Call::truncate>(path, size)); }
UC_EXPORT int chdir(const char* path) { UC_INT(call<Call::chdir>(path)); }
UC_EXPORT int fchdir(int fd) { UC_INT(call<Call::fchdir>(fd)); }

// The kernel keeps 32 bits of a device number; glibc refuses more.
UC_EXPORT int mknodat(int dirfd, const char* path, unsigned mode, uint64_t dev) {
    if (dev >> 32 && !on_musl()) {
        set_errno(kEinval);
        return -1;
    }
    UC_INT(call<Call::mknodat>(dirfd, path, mode, static_cast<uint32_t>(dev)));
}
UC_EXPORT int mknod(const char* path, unsigned mode, uint64_t dev) {
    if (on_musl()) UC_INT(call<Call::mknod>(path, mode, static_cast<uint32_t>(dev)));
    return mknodat(kAtFdCwd, path, mode, dev);
}
UC_EXPORT int mkfifo(const char* path, unsigned mode) { return mknod(path, mode | kFifo, 0); }
UC_EXPORT int mkfifoat(int dirfd, const char* path, unsigned mode) { return mknodat(dirfd, path, mode | kFifo, 0); }
// What programs built against glibc before 2.33 call.
UC_EXPORT int __xmknod(int, const char* path, unsigned mode, const uint64_t* dev) { return mknod(path, mode, *dev); }
UC_EXPORT int __xmknodat(int, int dirfd, const char* path, unsigned mode, const uint64_t* dev) {
    return mknodat(dirfd, path, mode, *dev);
}
UC_EXPORT int open_by_handle_at(int mountfd, void* handle, int flags) {
    UC_INT(call<Call::open_by_handle_at, may_block>(mountfd, handle, flags));
}
