// Hooks of functions by which libc starts a shell. libc gives it `environ`, in which nothing of ours is; so where nobody else sees
// executions it is started here, or `environ` is another for as long as libc needs (docs/decisions/shells.md).
//
// Must stay true: dispositions, mask, arguments, status and errno are those of the libc at hand; whoever may be cancelled gets the
// real system(), which ends its shell then; nobody but the calling thread is there while `environ` is another; the lock is held
// with all signals blocked.
#include <asm/stat.h>
#include <asm/unistd.h>

#include "libshim/environment.h"
#include "libshim/raw_syscall.h"
#include "libshim/state.h"

using namespace undercoat;
using namespace undercoat::shim;

extern "C" {
int system(const char*);
void* popen(const char*, const char*);
const char* gnu_get_libc_version();
int posix_spawn(int*, const char*, const void*, const void*, char* const*, char* const*);
int posix_spawnattr_init(void*);
int posix_spawnattr_setflags(void*, short);
int posix_spawnattr_setsigmask(void*, const void*);
int posix_spawnattr_setsigdefault(void*, const void*);
}

namespace {

constexpr int kSigint = 2, kSigquit = 3, kSigchld = 17, kBlock = 0, kSet = 2, kEnosys = 38, kAtFdcwd = -100;
constexpr long kEintr = -4;
constexpr short kSetSigdef = 4, kSetSigmask = 8;
constexpr uint64_t kAllSignals = ~0ULL, kIgnored = 1;

constexpr uint64_t bit_of(int signal) { return 1ULL << (signal - 1); }

struct Action {  // struct kernel_sigaction
    uint64_t handler, flags, restorer, mask;
};
struct SignalSet {  // sigset_t of glibc and musl
    uint64_t bits[16];
};

// Shared by threads that are in system() at the same time: the first sets the signals aside, the last puts them back.
struct {
    uint32_t lock, users;
    Action interrupt, quit;
} g_aside;

struct Locked {
    Locked() {
        constexpr uint32_t kGivenUp = 1 << 26;  // held by a thread that a fork has left behind
        own_call(__NR_rt_sigprocmask, kBlock, &kAllSignals, &before, 8);
        for (uint32_t i = 0; __atomic_exchange_n(&g_aside.lock, 1, __ATOMIC_ACQUIRE) && i < kGivenUp; i++) __builtin_ia32_pause();
    }
    ~Locked() {
        __atomic_store_n(&g_aside.lock, 0, __ATOMIC_RELEASE);
        own_call(__NR_rt_sigprocmask, kSet, &before, 0, 8);
    }
    uint64_t before = 0;
};

// The signals that the shell is to have as they were.
uint64_t set_aside() {
    const Locked locked;
    if (g_aside.users++ == 0) {
        const Action ignore{kIgnored, 0, 0, 0};
        own_call(__NR_rt_sigaction, kSigint, &ignore, &g_aside.interrupt, 8);
        own_call(__NR_rt_sigaction, kSigquit, &ignore, &g_aside.quit, 8);
    }
    return (g_aside.interrupt.handler != kIgnored ? bit_of(kSigint) : 0) | (g_aside.quit.handler != kIgnored ? bit_of(kSigquit) : 0);
}

void put_back() {
    const Locked locked;
    if (--g_aside.users) return;
    own_call(__NR_rt_sigaction, kSigint, &g_aside.interrupt, 0, 8);
    own_call(__NR_rt_sigaction, kSigquit, &g_aside.quit, 0, 8);
}

// From glibc 2.38 on the command may begin with a minus.
bool ends_options() {
    const auto version = UC_REAL(gnu_get_libc_version);
    const char* v = version ? version() : "";
    int major = 0, minor = 0;
    for (; *v >= '0' && *v <= '9'; v++) major = major * 10 + *v - '0';
    if (*v == '.') v++;
    for (; *v >= '0' && *v <= '9'; v++) minor = minor * 10 + *v - '0';
    return major > 2 || (major == 2 && minor >= 38);
}

// An errno, or 0 and the shell's pid.
int start(const char* command, uint64_t as_they_were, uint64_t mask, int* pid) {
    const auto init = UC_REAL(posix_spawnattr_init);
    const auto set_flags = UC_REAL(posix_spawnattr_setflags);
    const auto set_mask = UC_REAL(posix_spawnattr_setsigmask);
    const auto set_default = UC_REAL(posix_spawnattr_setsigdefault);
    alignas(16) uint8_t attributes[512];  // glibc and musl: 336
    const SignalSet blocked{{mask}}, reset{{as_they_were}};
    init(attributes);
    set_mask(attributes, &blocked);
    set_default(attributes, &reset);
    set_flags(attributes, kSetSigdef | kSetSigmask);
    const char* const plain[] = {"sh", "-c", command, nullptr};
    const char* const separated[] = {"sh", "-c", "--", command, nullptr};
    return posix_spawn(pid, "/bin/sh", nullptr, attributes, const_cast<char* const*>(ends_options() ? separated : plain), environ);
}

int run(const char* command) {
    const uint64_t as_they_were = set_aside(), child = bit_of(kSigchld);
    uint64_t mask = 0;
    own_call(__NR_rt_sigprocmask, kBlock, &child, &mask, 8);
    int pid = 0, status = g_image.musl ? -1 : 127 << 8;
    long waited = 0;
    const int error = start(command, as_they_were, mask, &pid);
    if (!error) {
        do waited = own_call(__NR_wait4, pid, &status, 0, 0);
        while (waited == kEintr);
    }
    put_back();
    own_call(__NR_rt_sigprocmask, kSet, &mask, 0, 8);
    if (error) set_errno(error);
    return failed(waited) ? static_cast<int>(libc_result(waited)) : status;
}

// Where nobody else sees executions, and we may make calls.
bool alone() {
    const Process* p = managed();
    return g_image.meet[0] && !g_image.off && !t_in_vfork_child && &environ && !(p && p->trapped);
}

bool may_be_cancelled() { return !g_image.scanned || g_image.cancel_used; }

bool only_thread() {
    struct stat s;
    return !failed(own_call(__NR_newfstatat, kAtFdcwd, "/proc/self/task", &s, 0)) && s.st_nlink == 3;
}

}  // namespace

UC_EXPORT int system(const char* command) {
    const auto real = UC_REAL(system);
    if (!real) return static_cast<int>(libc_result(-kEnosys));
    if (!command || !alone()) return real(command);
    note_imports();
    return may_be_cancelled() || !UC_REAL(posix_spawnattr_setsigdefault) ? real(command) : run(command);
}

UC_EXPORT void* popen(const char* command, const char* type) {
    const auto real = UC_REAL(popen);
    if (!real) {
        set_errno(kEnosys);
        return nullptr;
    }
    if (!alone() || !only_thread()) return real(command, type);
    void* stream = nullptr;
    char** const given = environ;
    with_environment(given, [&](char* const* e) {
        environ = const_cast<char**>(e);
        stream = real(command, type);
        environ = given;
        return stream ? 0 : -1;
    });
    return stream;
}
