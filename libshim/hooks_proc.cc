// Hooks of calls that make, signal, confine or inspect processes.
//
// Must stay true: calls of the always-trapped tier go out by the trap door; in preload mode, where nobody else sees
// them, they are recorded here. Functions in which libc does more than the call (fork, the set*id family, ptrace) stay
// the real ones.
#include <stdarg.h>

#include "libshim/emit.h"
#include "libshim/invoke.h"
#include "libshim/raw_syscall.h"
#include "libshim/real_call.h"
#include "libshim/restart.h"
#include "libshim/text.h"

using namespace undercoat;
using namespace undercoat::shim;

#define UC_INT(...) return static_cast<int>(__VA_ARGS__)

namespace {

constexpr int kEinval = 22, kEnosys = 38, kPrSetName = 15, kPrSetSeccomp = 22;
constexpr unsigned long kSeccompStrict = 1;
constexpr int kCloneVm = 0x100, kCloneVfork = 0x4000, kCloneThread = 0x10000, kCloneSettls = 0x80000,
              kCloneNewns = 0x20000;

}  // namespace

extern "C" {
int pthread_cancel(unsigned long);
int raise(int);
int clone(int (*)(void*), void*, int, void*, ...);
int fcntl(int, int, ...);
int ioctl(int, unsigned long, ...);
}

UC_EXPORT int fork() {
    const auto real = UC_REAL(fork);
    if (!real) return static_cast<int>(libc_result(-kEnosys));
    const int pid = real();
    if (pid == 0) {
        t_in_vfork_child = 0;  // the memory is its own now
        g_image.registering = 0;
        forget_parent();
        return 0;
    }
    return static_cast<int>(g_image.musl ? note<Call::fork>(pid, false) : note<Call::clone>(pid, false, 0x1200011));
}

// Called by vfork.S in the parent, with the kernel's result.
extern "C" long uc_after_vfork(long result) {
    give_vector_left();
    return note<Call::vfork>(libc_result(result), false);
}

// A child that shares our memory must not speak for us. One that is waited for is known by the thread-local mark; any
// other ends our own records in this image: all leaves by the trap door from then on.
UC_EXPORT int clone(int (*f)(void*), void* stack, int flags, void* argument, ...) {
    va_list ap;
    va_start(ap, argument);
    void* parent_tid = va_arg(ap, void*);
    void* tls = va_arg(ap, void*);
    void* child_tid = va_arg(ap, void*);
    va_end(ap);
    const auto real = UC_REAL(clone);
    if (!real) return static_cast<int>(libc_result(-kEnosys));
    if (!(flags & kCloneVm) || flags & kCloneThread) return real(f, stack, flags, argument, parent_tid, tls, child_tid);
    if (flags & kCloneVfork && !(flags & kCloneSettls)) {
        const uint32_t before = t_in_vfork_child;
        t_in_vfork_child |= 1;
        const int r = real(f, stack, flags, argument, parent_tid, tls, child_tid);
        t_in_vfork_child = before;
        give_vector_left();
        return r;
    }
    g_image.foreign_children = true;
    if (g_process && !t_in_vfork_child) __atomic_store_n(&g_process->ring.control, nullptr, __ATOMIC_RELEASE);
    return real(f, stack, flags, argument, parent_tid, tls, child_tid);
}

UC_EXPORT int kill(int pid, int signal) { UC_INT(call<Call::kill>(pid, signal)); }
UC_EXPORT int killpg(int group, int signal) {
    if (group < 0) {
        set_errno(22);
        return -1;
    }
    return kill(-group, signal);
}
UC_EXPORT int raise(int signal) {
    const auto real = UC_REAL(raise);
    return real ? uninterrupted(real, signal) : static_cast<int>(libc_result(-kEnosys));
}
UC_EXPORT int tgkill(int pid, int tid, int signal) { UC_INT(call<Call::tgkill>(pid, tid, signal)); }

// From now on calls that may block stay cancellable, whatever the program imports.
UC_EXPORT int pthread_cancel(unsigned long thread) {
    const auto real = UC_REAL(pthread_cancel);
    g_image.cancel_used = true;
    return real ? real(thread) : kEnosys;
}

UC_EXPORT int dup(int fd) {
    const long to = call<Call::dup>(fd);
    note_nonblocking(to, nonblocking(static_cast<unsigned>(fd)));
    return static_cast<int>(to);
}
UC_EXPORT int dup2(int from, int to) {
    const long r = call<Call::dup2>(from, to);
    note_nonblocking(r, nonblocking(static_cast<unsigned>(from)));
    return static_cast<int>(r);
}
UC_EXPORT int dup3(int from, int to, int flags) {
    const long r = call<Call::dup3>(from, to, flags);
    note_nonblocking(r, nonblocking(static_cast<unsigned>(from)));
    return static_cast<int>(r);
}

// Whether no duplicate can become a standard stream now: as all three are open, the kernel gives a number above them whatever
// least number it is asked for. Asked for 3 it gives the same one, and the call need not be held.
static bool streams_are_open() {
    constexpr int kGetfd = 1;
    const Process* p = managed();
    if (!p || !p->trapped || is_sealed(*p)) return false;
    if (!is_usual(p->ring) || wire::nearly_full(p->ring)) return false;
    for (int stream = 0; stream <= 2; stream++)
        if (failed(own_call(__NR_fcntl, stream, kGetfd))) return false;
    return true;
}

// F_SETLKW blocks: the real function, which can be cancelled. Of interest: duplicates, onto the standard streams only where a trap
// holds calls, and O_NONBLOCK.
static int control(int fd, int command, void* argument) {
    constexpr int kDupfd = 0, kSetfl = 4, kSetlkw = 7, kOfdSetlkw = 38, kDupfdCloexec = 1030, kNonblock = 04000;
    const auto real = UC_REAL(fcntl);
    if (!real) return static_cast<int>(libc_result(-kEnosys));
    const auto value = static_cast<long>(reinterpret_cast<intptr_t>(argument));
    const auto least = static_cast<uint32_t>(value);  // of the register's upper half neither kernel nor filter knows
    const bool waits = command == kSetlkw || command == kOfdSetlkw;
    const auto ask = [&](void* with) { return waits ? real(fd, command, with) : uninterrupted(real, fd, command, with); };
    bool above = (command == kDupfd || command == kDupfdCloexec) && least <= 2 && streams_are_open();
    int r = ask(above ? reinterpret_cast<void*>(3) : argument);
    if (above && r < 0 && get_errno() == kEinval) {  // 3 is beyond the limit of descriptors
        above = false;
        r = ask(argument);
    }
    if (command == kSetfl && r == 0) note_nonblocking(fd, value & kNonblock);
    if (command != kDupfd && command != kDupfdCloexec) return r;
    note_nonblocking(r, nonblocking(static_cast<unsigned>(fd)));
    const bool told = least <= 2 || !calls_are_held();  // the trap looks up where others lead
    return told ? static_cast<int>(note<Call::fcntl>(r, !above, fd, command, value)) : r;
}

#define UC_ARGUMENT(last)               \
    va_list ap;                         \
    va_start(ap, last);                 \
    void* argument = va_arg(ap, void*); \
    va_end(ap);

UC_EXPORT int fcntl(int fd, int command, ...) {
    UC_ARGUMENT(command)
    return control(fd, command, argument);
}
UC_EXPORT int fcntl64(int fd, int command, ...) {
    UC_ARGUMENT(command)
    return control(fd, command, argument);
}
UC_EXPORT int ioctl(int fd, unsigned long request, ...) {
    UC_ARGUMENT(request)
    constexpr uint32_t kFionbio = 0x5421;
    const auto real = UC_REAL(ioctl);
    if (!real) return static_cast<int>(libc_result(-kEnosys));
    const int r = real(fd, request, argument);
    if (r == 0 && static_cast<uint32_t>(request) == kFionbio) note_nonblocking(fd, *static_cast<const int*>(argument));
    return r;
}

// libc carries a change of identity to all threads.
template <Call C, class F, class... A>
static int identity_call(F real, A... args) {
    speak_for_ourselves();
    const RestartingHandlers meanwhile;
    return real_call<C>(real, args...);
}

UC_EXPORT int setuid(unsigned u) { return identity_call<Call::setuid>(UC_REAL(setuid), u); }
UC_EXPORT int setgid(unsigned g) { return identity_call<Call::setgid>(UC_REAL(setgid), g); }
UC_EXPORT int setreuid(unsigned r, unsigned e) { return identity_call<Call::setreuid>(UC_REAL(setreuid), r, e); }
UC_EXPORT int setregid(unsigned r, unsigned e) { return identity_call<Call::setregid>(UC_REAL(setregid), r, e); }
UC_EXPORT int setresuid(unsigned r, unsigned e, unsigned s) {
    return identity_call<Call::setresuid>(UC_REAL(setresuid), r, e, s);
}
UC_EXPORT int setresgid(unsigned r, unsigned e, unsigned s) {
    return identity_call<Call::setresgid>(UC_REAL(setresgid), r, e, s);
}
UC_EXPORT int setgroups(size_t n, const unsigned* list) {
    return identity_call<Call::setgroups>(UC_REAL(setgroups), n, list);
}
UC_EXPORT int setfsuid(unsigned u) { return real_call<Call::setfsuid>(UC_REAL(setfsuid), u); }
UC_EXPORT int setfsgid(unsigned g) { return real_call<Call::setfsgid>(UC_REAL(setfsgid), g); }
UC_EXPORT int seteuid(unsigned u) {
    speak_for_ourselves();
    const RestartingHandlers meanwhile;
    const auto real = UC_REAL(seteuid);
    return real ? static_cast<int>(note<Call::setresuid>(real(u), true, -1, u, -1)) : -1;
}
UC_EXPORT int setegid(unsigned g) {
    speak_for_ourselves();
    const RestartingHandlers meanwhile;
    const auto real = UC_REAL(setegid);
    return real ? static_cast<int>(note<Call::setresgid>(real(g), true, -1, g, -1)) : -1;
}

UC_EXPORT int setns(int fd, int type) {
    g_image.moved = true;
    UC_INT(call<Call::setns>(fd, type));
}
UC_EXPORT int unshare(int flags) {
    if (flags & kCloneNewns) g_image.moved = true;
    UC_INT(call<Call::unshare>(flags));
}
UC_EXPORT int chroot(const char* path) {
    if (g_image.meet[0] && !g_image.foreign_children) enlist_now();  // the meeting place is out of sight then
    g_image.moved = true;
    UC_INT(call<Call::chroot>(path));
}
UC_EXPORT int pivot_root(const char* root, const char* old) {
    g_image.moved = true;
    UC_INT(call<Call::pivot_root>(root, old));
}
UC_EXPORT int mount(const char* source, const char* target, const char* type, unsigned long flags, const void* data) {
    UC_INT(call<Call::mount>(source, target, type, flags, data));
}
UC_EXPORT int umount2(const char* target, int flags) { UC_INT(call<Call::umount2>(target, flags)); }
UC_EXPORT int umount(const char* target) { UC_INT(call<Call::umount2>(target, 0)); }
UC_EXPORT int fsopen(const char* type, unsigned flags) { UC_INT(call<Call::fsopen>(type, flags)); }
UC_EXPORT int fsmount(int fd, unsigned flags, unsigned attributes) {
    UC_INT(call<Call::fsmount>(fd, flags, attributes));
}
UC_EXPORT int fspick(int dirfd, const char* path, unsigned flags) { UC_INT(call<Call::fspick>(dirfd, path, flags)); }
UC_EXPORT int move_mount(int fromfd, const char* from, int tofd, const char* to, unsigned flags) {
    UC_INT(call<Call::move_mount>(fromfd, from, tofd, to, flags));
}
UC_EXPORT int open_tree(int dirfd, const char* path, unsigned flags) {
    UC_INT(call<Call::open_tree>(dirfd, path, flags));
}
UC_EXPORT int mount_setattr(int dirfd, const char* path, unsigned flags, void* attributes, size_t n) {
    UC_INT(call<Call::mount_setattr>(dirfd, path, flags, attributes, n));
}
UC_EXPORT int capset(void* header, const void* data) { UC_INT(call<Call::capset>(header, data)); }
UC_EXPORT int memfd_create(const char* name, unsigned flags) { UC_INT(call<Call::memfd_create>(name, flags)); }
UC_EXPORT int init_module(void* image, unsigned long n, const char* parameters) {
    UC_INT(call<Call::init_module>(image, n, parameters));
}
UC_EXPORT int delete_module(const char* name, unsigned flags) { UC_INT(call<Call::delete_module>(name, flags)); }
UC_EXPORT int pidfd_getfd(int pidfd, int fd, unsigned flags) { UC_INT(call<Call::pidfd_getfd>(pidfd, fd, flags)); }
UC_EXPORT int pidfd_send_signal(int pidfd, int signal, void* info, unsigned flags) {
    UC_INT(call<Call::pidfd_send_signal>(pidfd, signal, info, flags));
}
UC_EXPORT long process_vm_writev(int pid, const void* local, unsigned long n, const void* remote, unsigned long m,
                                 unsigned long flags) {
    return call<Call::process_vm_writev>(pid, local, n, remote, m, flags);
}
UC_EXPORT int prlimit(int pid, int resource, const void* set, void* get) {
    UC_INT(call<Call::prlimit>(pid, resource, set, get));
}
UC_EXPORT int prlimit64(int pid, int resource, const void* set, void* get) {
    UC_INT(call<Call::prlimit>(pid, resource, set, get));
}

UC_EXPORT long ptrace(int request, ...) {
    va_list ap;
    va_start(ap, request);
    const int pid = va_arg(ap, int);
    void* address = va_arg(ap, void*);
    void* data = va_arg(ap, void*);
    va_end(ap);
    const auto real = UC_REAL(ptrace);
    if (!real) return libc_result(-kEnosys);
    const long r = real(request, pid, address, data);
    const int e = get_errno();
    note<Call::ptrace>(r, true, request, pid, address, data);
    if (r == -1) set_errno(e);
    return r;
}

// Where no trap sees it, the name is recorded as the kernel has taken it: that is what children inherit.
static long set_name(const Descriptor& d, const uint64_t (&a)[6]) {
    constexpr int kGetName = 16;
    const Process* p = managed();
    if (!p) p = enlist();
    if (!p || p->trapped || is_sealed(*p) || !wire::bit(p->ring.control->wanted, d.call)) return invoke(d, a);
    const long result = pass_through(d, a);
    char name[16] = {};
    if (failed(result) || failed(own_call(wire::info(Call::prctl).x86_64, kGetName, name))) name[0] = 0;
    const Piece piece{wire::Tag::string, 1, static_cast<uint16_t>(length(name)), name};
    emit(p->ring, {wire::RecordKind::call, d.call, 0, result, a, d.nargs, &piece, name[0] ? 1U : 0});
    return result;
}

UC_EXPORT int prctl(int option, ...) {
    va_list ap;
    va_start(ap, option);
    const auto a2 = va_arg(ap, unsigned long);
    const auto a3 = va_arg(ap, unsigned long);
    const auto a4 = va_arg(ap, unsigned long);
    const auto a5 = va_arg(ap, unsigned long);
    va_end(ap);
    const bool had_clock = !g_image.no_clock;
    uc_before_prctl(option, a2);
    bool listed = false;
    for (const int64_t o : wire::kPrctlTrapped) listed = listed || o == option;
    const uint64_t a[6] = {to_register(option), a2, a3, a4, a5, 0};
    constexpr Descriptor d = describe<Call::prctl>(false);
    long result = option == kPrSetName ? set_name(d, a) : listed ? invoke(d, a) : pass_through(d, a);
    if (result == -kEinval && option == kPrSetSeccomp && a2 == kSeccompStrict && !g_image.meet[0]) result = confine_strictly();
    if (failed(result) && had_clock && g_image.no_clock) set_clock(true);
    UC_INT(libc_result(result));
}
