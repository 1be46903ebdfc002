// Hooks of the exec family and posix_spawn: the next image gets this library again, whatever environment it is given.
//
// Must stay true: safe in a vfork child (stack only, no record, no registration); the search along PATH, the fall-back
// to a shell and every error are the real libc's. In full mode the trap sees every exec. In preload mode a new image
// says itself that it is there (word.cc); recorded here are those that fail, and those of programs that will not
// load us.
#include <asm/stat.h>
#include <asm/unistd.h>
#include <elf.h>
#include <linux/stat.h>
#include <stdarg.h>

#include "libshim/emit.h"
#include "libshim/environment.h"
#include "libshim/invoke.h"

using namespace undercoat;
using namespace undercoat::shim;
using wire::Call;

namespace {

constexpr int kEnosys = 38, kEfault = 14;
constexpr int kCloexec = 02000000;
constexpr size_t kMostArguments = 1 << 16;

// True for an ELF program without an interpreter of our class: statically linked, or i386. False when in doubt.
bool is_static(long fd) {
    alignas(8) uint8_t head[1024];
    const long n = own_call(__NR_pread64, fd, head, sizeof head, 0);
    if (n < static_cast<long>(sizeof(Elf64_Ehdr)) || head[0] != 0x7f || head[1] != 'E' || head[2] != 'L' ||
        head[3] != 'F')
        return false;
    Elf64_Ehdr e;
    __builtin_memcpy(&e, head, sizeof e);
    if (e.e_ident[EI_CLASS] != ELFCLASS64) return true;
    if (e.e_phentsize != sizeof(Elf64_Phdr) || e.e_phoff > sizeof head ||
        e.e_phnum > (sizeof head - e.e_phoff) / sizeof(Elf64_Phdr))
        return false;
    for (unsigned i = 0; i < e.e_phnum; i++) {
        Elf64_Phdr h;
        __builtin_memcpy(&h, head + e.e_phoff + i * sizeof h, sizeof h);
        if (h.p_type == PT_INTERP) return false;
    }
    return true;
}

// True where the kernel will give the program other ids than ours: then its loader ignores what it is to preload.
bool changes_ids(const struct stat& s) {
    constexpr int kPrGetNoNewPrivs = 39;
    const auto ask = [](long nr) { return static_cast<uint32_t>(own_call(nr)); };
    const uint32_t uid = ask(__NR_getuid), gid = ask(__NR_getgid);
    if (ask(__NR_geteuid) != uid || ask(__NR_getegid) != gid) return true;
    const bool other_user = s.st_mode & S_ISUID && s.st_uid != uid;
    const bool other_group = (s.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && s.st_gid != gid;
    return (other_user || other_group) && own_call(__NR_prctl, kPrGetNoNewPrivs, 0, 0, 0, 0) == 0;
}

// A program that will not load us. An empty path: the descriptor's own file. Nothing but a regular file is opened.
bool loads_no_preload(int at, const char* path) {
    constexpr int kNonblock = 04000, kEmptyPath = 0x1000;
    struct stat s;
    if (failed(own_call(__NR_newfstatat, at, path, &s, kEmptyPath)) || !S_ISREG(s.st_mode)) return false;
    if (changes_ids(s)) return true;
    if (!*path) return is_static(at);
    const long fd = own_call(__NR_openat, at, path, kCloexec | kNonblock, 0);
    if (failed(fd)) return false;
    const bool is = is_static(fd);
    own_call(__NR_close, fd);
    return is;
}

// Where a search along PATH will find `file`; else as it is given.
[[gnu::noinline]] const char* find_program(const char* file, char (&to)[wire::kMaxPath]) {
    if (reinterpret_cast<uintptr_t>(file) < 65536 || !*file) return file;
    for (const char* p = file; *p; p++)
        if (*p == '/') return file;
    const char* path = g_image.musl ? "/usr/local/bin:/bin:/usr/bin" : "/bin:/usr/bin";
    for (char** e = &environ ? environ : nullptr; e && *e; e++)
        if (equal(*e, 5, "PATH=")) {
            path = *e + 5;
            break;
        }
    const size_t n = length(file);
    for (;; path++) {
        size_t m = 0;
        while (path[m] && path[m] != ':') m++;
        if (m + n + 2 <= sizeof to) {
            __builtin_memcpy(to, path, m);
            if (m) to[m] = '/';
            __builtin_memcpy(to + m + (m > 0), file, n + 1);
            if (!failed(own_call(__NR_access, to, 1 /* X_OK */))) return to;
        }
        path += m;
        if (!*path) return file;
    }
}

// Joins strings with their NULs into `to`, cut at kMaxArgs. Cold; the kernel's limits bound the vector, not us.
uint32_t join(char* const* v, char* to) {
    uint32_t n = 0;
    if (reinterpret_cast<uintptr_t>(v) < 65536) return 0;
    for (; *v && reinterpret_cast<uintptr_t>(*v) >= 65536; v++)
        for (const char* p = *v;; p++) {
            if (n == wire::kMaxArgs) return n;
            to[n++] = *p;
            if (!*p) break;
        }
    return n;
}

// Where nobody else sees executions: a meeting place is named, or a ring says so. A process that has no ring yet is given one only
// when there is something to record.
bool alone_with_execs(Call c) {
    const Process* p = managed();
    if (!p) return g_image.meet[0] && !g_image.off && !t_in_vfork_child;
    return !p->trapped && wire::bit(p->ring.control->wanted, static_cast<uint16_t>(c));
}

// Whether calls of our own are allowed, to look at what is to be executed.
bool may_look() {
    const Process* p = managed();
    return !p || !is_sealed(*p);
}

__attribute__((noinline)) void record_exec(Call c, int dirfd, const char* path, char* const* argv, int64_t result) {
    const Process* p = managed();
    if (!p) p = enlist();
    if (!p || !wire::bit(p->ring.control->wanted, static_cast<uint16_t>(c))) return;
    char joined[wire::kMaxArgs];
    const unsigned at = c == Call::execveat;
    const uint64_t a[6] = {at ? to_register(dirfd) : to_register(path), at ? to_register(path) : to_register(argv)};
    Piece pieces[2] = {
        {wire::Tag::argv, static_cast<uint8_t>(1 + at), static_cast<uint16_t>(join(argv, joined)), joined}};
    uint32_t n = 1;
    if (reinterpret_cast<uintptr_t>(path) >= 65536 && result != -kEfault) {
        const size_t size = length(path);
        const auto cut = static_cast<uint16_t>(size > wire::kMaxPath ? wire::kMaxPath : size);
        pieces[n++] = {wire::Tag::path, static_cast<uint8_t>(at), cut, path};
    }
    emit(p->ring, {wire::RecordKind::call, static_cast<uint16_t>(c), 0, result, a, 2, pieces, n});
}

// Runs `exec`, an int function of the environment that returns only on failure.
template <class F>
int image_call(Call c, const char* path, char* const* argv, char* const* envp, F exec, int dirfd = -100) {
    const bool alone = alone_with_execs(c);
    if (alone && reinterpret_cast<uintptr_t>(path) >= 65536 && may_look() && loads_no_preload(dirfd, path))
        record_exec(c, dirfd, path, argv, 0);
    const int r = with_environment(envp, exec);
    if (alone) record_exec(c, dirfd, path, argv, -get_errno());
    return r;
}

char* const* current_environment() { return &environ ? environ : nullptr; }

// In full mode the trap sees the call; its exact error follows when somebody wants it.
int execve_call(const char* path, char* const* argv, char* const* envp) {
    const uint64_t a[6] = {to_register(path), to_register(argv), to_register(envp)};
    constexpr Descriptor d = describe<Call::execve>(false);
    Process* p = managed();
    if (!p || !p->trapped || !wire::bit(p->ring.control->want_result, d.call) || !can_record(p->ring))
        return static_cast<int>(libc_result(pass_through(d, a)));
    const uint32_t seq = __atomic_add_fetch(&p->seq, 1, __ATOMIC_RELAXED);
    const uint64_t with_seq[6] = {a[0], a[1], a[2], 0, 0, wire::kSeqMagic | seq};
    const long r = pass_through(d, with_seq);
    const Piece piece{wire::Tag::seq, 0, 4, &seq};
    emit(p->ring, {wire::RecordKind::result, d.call, 0, r, nullptr, 0, &piece, 1});
    return static_cast<int>(libc_result(r));
}

}  // namespace

UC_EXPORT int execve(const char* path, char* const* argv, char* const* envp) {
    return image_call(Call::execve, path, argv, envp, [&](char* const* e) { return execve_call(path, argv, e); });
}
UC_EXPORT int execv(const char* path, char* const* argv) { return execve(path, argv, current_environment()); }

UC_EXPORT int execvpe(const char* file, char* const* argv, char* const* envp) {
    const auto real = UC_REAL(execvpe);
    if (!real) return static_cast<int>(libc_result(-kEnosys));
    char found[wire::kMaxPath];
    const char* const path = alone_with_execs(Call::execve) && may_look() ? find_program(file, found) : file;
    return image_call(Call::execve, path, argv, envp, [&](char* const* e) { return real(file, argv, e); });
}
UC_EXPORT int execvp(const char* file, char* const* argv) { return execvpe(file, argv, current_environment()); }

UC_EXPORT int fexecve(int fd, char* const* argv, char* const* envp) {
    const auto real = UC_REAL(fexecve);
    if (!real) return static_cast<int>(libc_result(-kEnosys));
    return image_call(
        Call::execveat, "", argv, envp, [&](char* const* e) { return real(fd, argv, e); }, fd);
}
UC_EXPORT int execveat(int dirfd, const char* path, char* const* argv, char* const* envp, int flags) {
    constexpr Descriptor d = describe<Call::execveat>(false);
    return image_call(
        Call::execveat, path, argv, envp,
        [&](char* const* e) {
            const uint64_t a[6] = {to_register(dirfd), to_register(path), to_register(argv), to_register(e),
                                   to_register(flags)};
            return static_cast<int>(libc_result(pass_through(d, a)));
        },
        dirfd);
}

// Gathers the arguments of an execl into a vector on the stack.
#define UC_GATHER(first)                                                                   \
    va_list ap;                                                                            \
    va_start(ap, first);                                                                   \
    size_t n = 0;                                                                          \
    for (const char* a = first; a && n < kMostArguments; a = va_arg(ap, const char*)) n++; \
    va_end(ap);                                                                            \
    if (n == kMostArguments) return static_cast<int>(libc_result(-kE2big));                \
    char** argv = static_cast<char**>(__builtin_alloca((n + 1) * sizeof(char*)));          \
    va_start(ap, first);                                                                   \
    argv[0] = const_cast<char*>(first);                                                    \
    for (size_t i = 1; i <= n; i++) argv[i] = va_arg(ap, char*);

UC_EXPORT int execl(const char* path, const char* first, ...) {
    UC_GATHER(first)
    va_end(ap);
    return execve(path, argv, current_environment());
}
UC_EXPORT int execlp(const char* file, const char* first, ...) {
    UC_GATHER(first)
    va_end(ap);
    return execvpe(file, argv, current_environment());
}
UC_EXPORT int execle(const char* path, const char* first, ...) {
    UC_GATHER(first)
    char* const* envp = va_arg(ap, char* const*);
    va_end(ap);
    return execve(path, argv, envp);
}

namespace {

// The parent's word of its child: which calls the libc makes for it differs, so it stands as vfork.
void note_spawn(int error, const int* pid) {
    const Process* p = managed();
    if (!p) {
        p = enlist();
        if (!p) return;
    }
    if (error || !pid || !wire::bit(p->ring.control->wanted, static_cast<uint16_t>(Call::vfork))) return;
    emit(p->ring, {wire::RecordKind::call, static_cast<uint16_t>(Call::vfork), 0, *pid});
}

}  // namespace

UC_EXPORT int posix_spawn(int* pid, const char* path, const void* actions, const void* attributes, char* const* argv,
                          char* const* envp) {
    const auto real = UC_REAL(posix_spawn);
    if (!real) return kEnosys;
    int child = 0;
    const int r =
        with_environment(envp, [&](char* const* e) { return real(&child, path, actions, attributes, argv, e); });
    if (!r && pid) *pid = child;
    note_spawn(r, &child);
    return r;
}
UC_EXPORT int posix_spawnp(int* pid, const char* file, const void* actions, const void* attributes, char* const* argv,
                           char* const* envp) {
    const auto real = UC_REAL(posix_spawnp);
    if (!real) return kEnosys;
    int child = 0;
    const int r =
        with_environment(envp, [&](char* const* e) { return real(&child, file, actions, attributes, argv, e); });
    if (!r && pid) *pid = child;
    note_spawn(r, &child);
    return r;
}
