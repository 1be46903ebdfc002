// See invoke.h.
#include "libshim/invoke.h"

#include <asm/stat.h>
#include <asm/statfs.h>
#include <asm/unistd.h>
#include <linux/stat.h>

#include "libshim/emit.h"
#include "libshim/open_record.h"
#include "libshim/readable.h"

extern "C" int pthread_setcanceltype(int, int*);

namespace undercoat::shim {
namespace {

constexpr int kAtFdCwd = -100;
constexpr uint32_t kSigurg = 23;
constexpr long kPathMax = 4096;
constexpr size_t kUsualPath = 256;  // longer ones would need stack that a coroutine's or handler's may not have
constexpr uint64_t kSockaddrMax = 128;

// The system call with the caller's registers on the stack where this function's unwind table finds them. It calls nothing, so that the
// stack stands as at a function's entry: from there musl jumps to the end of a thread that is cancelled.
__attribute__((noinline)) long call_with_frame(long nr, const uint64_t (&a)[6]) {
    const long result = system_call(nr, a);
    asm volatile("" : : : "rbx", "rbp", "r12", "r13", "r14", "r15");
    return result;
}

// The trap door: a stack that is read while the call is held can be unwound to the end, though the trap knows two registers only.
long trap_door_with_frame(long nr, const uint64_t (&a)[6]) {
    return uc_libc_door ? call_by_libc(nr, a) : call_with_frame(nr, a);
}

// As libc does it: asynchronous cancellation for the time of the call. The instruction is in our text, whose unwind
// tables lead back to the caller, so that C++ destructors run.
__attribute__((noinline)) long cancellable(long nr, const uint64_t (&a)[6]) {
    const auto set = UC_REAL(pthread_setcanceltype);
    int old = 0, ignored;
    if (!set || set(1, &old) != 0) return trap_door_with_frame(nr, a);
    const long result = trap_door_with_frame(nr, a);
    set(old, &ignored);
    return result;
}

// An open of what cannot keep its caller waiting.
[[gnu::noinline]] bool opens_plain_file(const Descriptor& d, const uint64_t (&a)[6]) {
    const bool at = d.kind(0) == wire::ArgKind::dirfd;
    if (g_image.off || d.kind(at) != wire::ArgKind::path) return false;
    struct stat s;
    if (failed(own_call(__NR_newfstatat, at ? a[0] : to_register(kAtFdCwd), a[at], &s, 0))) return true;
    return S_ISREG(s.st_mode) || S_ISDIR(s.st_mode);
}

// A call that waits for its trap is interrupted by a signal whose handler does not ask for restarts, natively only one that
// blocks. Then the trap has not seen it yet: again, as the kernel would do.
bool interrupted_by_waiting(const Descriptor& d, const uint64_t (&a)[6]) {
    return calls_are_held() && (!d.interruptible || opens_plain_file(d, a));
}

long out(const Descriptor& d, const uint64_t (&a)[6]) {
    const bool cancel = must_stay_cancellable(d, a) && !t_in_vfork_child;
    for (;;) {
        const long r = cancel ? cancellable(d.nr, a) : trap_door_with_frame(d.nr, a);
        if (r != kEintr || !interrupted_by_waiting(d, a)) [[likely]]
            return r;
    }
}

// Success, or an error that the kernel gives only when it has read the path: ENOENT, EACCES, EBUSY, EEXIST, EXDEV, ENOTDIR,
// EISDIR, EROFS, ENOTEMPTY, ELOOP.
bool path_was_read(long r) {
    switch (r) {
        case -2: case -13: case -16: case -17: case -18: case -20: case -21: case -30: case -39: case -40: return true;
        default: return !failed(r);
    }
}
// The same of socket addresses: EINPROGRESS, ECONNREFUSED, EADDRINUSE, EADDRNOTAVAIL, ENETUNREACH, ENOENT.
bool address_was_read(long r) {
    return !failed(r) || r == -115 || r == -111 || r == -98 || r == -99 || r == -101 || r == -2;
}

bool is_text(wire::ArgKind k) { return k == wire::ArgKind::path || k == wire::ArgKind::string; }

// What of the call's memory goes into the record.
struct Captured {
    uint64_t registers[6];  // as passed to the kernel: pointers to our copies
    Piece pieces[4];
    char* directories[6] = {};  // room for where a directory descriptor leads, kUsualPath each
    uint32_t n = 0;
    uint32_t room = 128;  // for the address of a peer, as far as it is known
    uint8_t end[28];      // an address that the kernel told us
    bool readable = true;
    const char* frame = nullptr;  // of the hook
    void add(wire::Tag tag, unsigned index, const void* data, uint64_t size) {
        pieces[n++] = {tag, static_cast<uint8_t>(index), static_cast<uint16_t>(size), data};
    }
    void add_text(wire::ArgKind kind, unsigned index, const char* text, long length) {
        const uint64_t size =
            static_cast<uint64_t>(length) > wire::kMaxPath ? wire::kMaxPath : static_cast<uint64_t>(length);
        add(kind == wire::ArgKind::path ? wire::Tag::path : wire::Tag::string, index, text, size);
    }
};

// The kernel has accepted pointers into pages that we did not know: now they are known. Of two texts an error says nothing: the
// second may not have been looked at.
void learn(const Descriptor& d, const uint64_t (&a)[6], long result) {
    unsigned texts = 0;
    for (unsigned i = 0; i < d.nargs; i++) texts += is_text(d.kind(i));
    const bool text_read = texts > 1 ? !failed(result) : path_was_read(result);
    for (unsigned i = 0; i < d.nargs; i++) {
        if (is_text(d.kind(i)) && text_read) learn_string(a[i], kPathMax);
        if (d.kind(i) == wire::ArgKind::sockaddr && a[i + 1] && address_was_read(result)) learn_range(a[i], a[i + 1]);
    }
}

// Without a trap behind us, text of unknown pages is taken after the call, where the kernel has shown it to be
// readable.
void capture_late(const Descriptor& d, const uint64_t (&a)[6], Captured& c) {
    c.n = 0;
    for (unsigned i = 0; i < d.nargs && c.n < 3; i++) {
        if (is_text(d.kind(i))) {
            const long n = known_length(a[i], kPathMax);
            if (n >= 0) c.add_text(d.kind(i), i, reinterpret_cast<const char*>(a[i]), n);
        } else if (d.kind(i) == wire::ArgKind::sockaddr && a[i + 1] <= kSockaddrMax && range_known(a[i], a[i + 1])) {
            c.add(wire::Tag::sockaddr, i, reinterpret_cast<const void*>(a[i]), a[i + 1]);
        }
    }
}

// Asks the kernel, which looks at the eight bytes of a signal set before it refuses what is to be done with them.
bool kernel_can_read(uint64_t address) {
    constexpr int kNoSuchHow = 99;
    return own_call(__NR_rt_sigprocmask, kNoSuchHow, address, 0, 8) == -22;
}

bool readable_now(uint64_t address, uint64_t n) {
    if (range_known(address, n)) return true;
    if (!kernel_can_read(address) || !kernel_can_read(address + n - 8)) return false;
    learn_range(address, n);
    return true;
}

// What an error leaves open, where no trap reads it: asked of the kernel. Of a call that did not find its memory nothing is told.
[[gnu::noinline, gnu::cold]] void learn_asking(const Process& p, const Descriptor& d, const uint64_t (&a)[6], long result) {
    constexpr long kEfault = -14;
    if (!failed(result) || result == kEfault || is_sealed(p)) return;
    for (unsigned i = 0; i < d.nargs; i++) {
        if (!is_text(d.kind(i))) continue;
        const auto at = [&](long n) { return a[i] + static_cast<uint64_t>(n); };
        for (long n = 0; n < kPathMax; n++) {
            const bool begins = n == 0 || at(n) % kPage == 0;
            if (begins && !page_known(at(n)) && !kernel_can_read(at(n) & ~7ULL)) break;
            if (begins) learn_page(at(n));
            if (!*reinterpret_cast<const char*>(at(n))) break;
        }
    }
}

// One end of a socket, asked of the kernel: getsockname or getpeername.
void ask_for_end(const Process& p, long question, uint64_t fd, wire::Tag tag, Captured& c) {
    uint32_t size = sizeof c.end;
    if (is_sealed(p) || failed(own_call(question, fd, c.end, &size))) return;
    const uint16_t family = *reinterpret_cast<const uint16_t*>(c.end);
    if ((family == 2 && size == 16) || (family == 10 && size == 28)) c.add(tag, 1, c.end, size);
}

// The address of the peer that accept has written for the program, as far as the program had room for it; a program that did not ask
// has us ask.
void capture_peer(const Process& p, const uint64_t (&a)[6], Captured& c, long result) {
    if (!a[1] || !a[2]) return ask_for_end(p, __NR_getpeername, static_cast<uint64_t>(result), wire::Tag::peer, c);
    constexpr uint32_t kLeast = 16;
    const uint32_t size = *reinterpret_cast<const uint32_t*>(a[2]);  // the kernel has written it
    if (size < kLeast || c.room < kLeast || !readable_now(a[1], kLeast)) return;
    const uint16_t family = *reinterpret_cast<const uint16_t*>(a[1]);
    const uint32_t n = family == 2 ? 16 : family == 10 ? 28 : 0;
    if (n && size >= n && c.room >= n && readable_now(a[1], n)) c.add(wire::Tag::peer, 1, reinterpret_cast<const void*>(a[1]), n);
}

// What of a connection's ends shows after the call only. Beside a stream's connect our question costs little; a datagram socket's takes
// no longer than it does, so that its port stays unknown.
[[gnu::noinline]] void look_at_ends(const Process& p, const Descriptor& d, const uint64_t (&a)[6], Captured& c, long result) {
    constexpr long kInProgress = -115;
    if (d.kind(1) == wire::ArgKind::outaddr && !failed(result)) capture_peer(p, a, c, result);
    const auto call = static_cast<wire::Call>(d.call);
    if ((call == wire::Call::listen && result == 0) ||
        (call == wire::Call::connect && (result == 0 || result == kInProgress) && streaming(a[0])))
        ask_for_end(p, __NR_getsockname, a[0], wire::Tag::local, c);
}
[[gnu::always_inline]] inline void capture_ends(const Process& p, const Descriptor& d, const uint64_t (&a)[6], Captured& c, long result) {
    if (d.kind(1) == wire::ArgKind::outaddr || d.kind(1) == wire::ArgKind::sockaddr ||
        d.call == static_cast<uint16_t>(wire::Call::listen)) [[unlikely]]
        look_at_ends(p, d, a, c, result);
}

void record(const Process& p, const Descriptor& d, const uint64_t (&a)[6], Captured& c, long result) {
    capture_ends(p, d, a, c, result);
    const uint8_t flags = c.readable ? 0 : wire::kUnreadable;
    emit(p.ring, {wire::RecordKind::call, d.call, flags, result, a, d.nargs, c.pieces, c.n, c.frame});
}

// The trap records the call; we add what it cannot know. After a change of ids that may be what our memory holds, too.
long trapped(Process& p, const Descriptor& d, const uint64_t (&a)[6], Captured& c) {
    before_record(p.ring, c.frame);  // a hole may be why the ring is nearly full
    const bool late = g_image.changed_ids && !c.readable;
    const bool tell = late || wire::bit(p.ring.control->want_result, d.call);
    if (!tell || d.nargs > 5 || !can_record(p.ring)) return out(d, c.registers);
    const uint32_t seq = __atomic_add_fetch(&p.seq, 1, __ATOMIC_RELAXED);
    c.registers[5] = wire::kSeqMagic | seq;
    const long result = out(d, c.registers);
    constexpr size_t kMost = sizeof c.pieces / sizeof *c.pieces;
    Piece pieces[1 + kMost] = {{wire::Tag::seq, 0, 4, &seq}};
    c.n = 0;
    if (late) {
        learn(d, a, result);
        capture_late(d, a, c);
    }
    capture_ends(p, d, a, c, result);
    for (uint32_t i = 0; i < c.n; i++) pieces[1 + i] = c.pieces[i];
    emit(p.ring, {wire::RecordKind::result, d.call, 0, result, nullptr, 0, pieces, 1 + c.n, c.frame});
    return result;
}

// In a mount name space of its own anything can stand where /proc stood, with links that lie: it must be a procfs, and what the link
// leads to must be what the descriptor is.
[[gnu::noinline]] bool leads_there(int32_t fd, const char* link) {
    constexpr int kEmptyPath = 0x1000;
    constexpr long kProcMagic = 0x9fa0;
    union {  // one after the other: stacks may be small
        struct statfs system;
        struct stat file;
    } is;
    if (failed(own_call(__NR_statfs, "/proc/thread-self/fd", &is.system)) || is.system.f_type != kProcMagic) return false;
    if (failed(own_call(__NR_newfstatat, fd, "", &is.file, kEmptyPath))) return false;
    const auto device = is.file.st_dev;
    const auto inode = is.file.st_ino;
    return !failed(own_call(__NR_newfstatat, kAtFdCwd, link, &is.file, 0)) && is.file.st_dev == device && is.file.st_ino == inode;
}

// Where a directory descriptor leads, as the trap would tell it, for a fraction of what a held call costs; written to `link`. 0: not
// known, or this is no process in which a call of ours may be made.
size_t directory_of(const Process& p, int32_t fd, char* link) {
    constexpr char kPlace[] = "/proc/thread-self/fd/";
    if (fd < 0 || g_image.moved || is_sealed(p)) return 0;
    char name[sizeof kPlace + 10];
    __builtin_memcpy(name, kPlace, sizeof kPlace);
    unsigned digits = 1;
    for (int32_t rest = fd; rest > 9; rest /= 10) digits++;
    char* to = name + sizeof kPlace - 1 + digits;
    *to = '\0';
    const int32_t whose = fd;
    do *--to = static_cast<char>('0' + fd % 10);
    while (fd /= 10);
    const long n = own_call(__NR_readlink, name, link, kUsualPath);
    if (n <= 0 || n >= static_cast<long>(kUsualPath) || link[0] != '/') return 0;
    return leads_there(whose, name) ? static_cast<size_t>(n) : 0;
}

// True when the call may pass the trap by: the filter lets it, and what the trap would know of it is known here. Absolute paths do not
// depend on their directory descriptor; of others the record says where it leads.
bool gadget_admits(const Process& p, const Descriptor& d, Captured& c) {
    if (d.when == wire::When::kill) {
        const auto pid = static_cast<int32_t>(c.registers[0]);
        return pid != -1 && pid != p.ring.control->agent_pids[0] && pid != p.ring.control->agent_pids[1];
    }
    if (d.when == wire::When::urgent) return static_cast<uint32_t>(c.registers[1]) == kSigurg;
    if (d.when != wire::When::dirfd) return true;
    for (unsigned i = 0; i + 1 < d.nargs; i++) {
        if (d.kind(i) != wire::ArgKind::dirfd || static_cast<int32_t>(c.registers[i]) == kAtFdCwd) continue;
        const char* path = reinterpret_cast<const char*>(c.registers[i + 1]);
        if (*path == '/') {
            c.registers[i] = static_cast<uint64_t>(static_cast<int64_t>(kAtFdCwd));
            continue;
        }
        const size_t n = *path && c.directories[i] ? directory_of(p, static_cast<int32_t>(c.registers[i]), c.directories[i]) : 0;
        if (!n) return false;
        c.add(wire::Tag::fd, i, c.directories[i], n);
    }
    return true;
}

[[gnu::always_inline]] inline long act(Process& p, const Descriptor& d, const uint64_t (&a)[6], Captured& c) {
    // The trap takes stacks.
    const bool usual = is_usual(p.ring) || (can_record(p.ring) && !wire::bit(p.ring.control->want_stack, d.call));
    const bool roomy = !wire::nearly_full(p.ring) || __atomic_load_n(&p.ring.control->policy, __ATOMIC_RELAXED) ==
                                                         static_cast<uint32_t>(wire::FullPolicy::drop);
    long result;
    if (p.gadget && d.tier == wire::Tier::gadget && c.readable && roomy && usual && !must_stay_cancellable(d, a) &&
        gadget_admits(p, d, c)) {
        result = through_gadget(d.nr, c.registers);
        record(p, d, a, c, result);
    } else if (p.trapped) {
        result = trapped(p, d, a, c);
        if (!c.readable) learn(d, a, result);
    } else {
        result = out(d, c.registers);
        if (!c.readable) {
            learn(d, a, result);
            learn_asking(p, d, a, result);
            capture_late(d, a, c);
        }
        record(p, d, a, c, result);
    }
    return result;
}

}  // namespace

// Copies what the pointers name, so that the kernel and the record see the same, and acts.
long observed(Process& p, const Descriptor& d, const uint64_t (&a)[6]) {
    Captured c;
    c.frame = static_cast<const char*>(__builtin_frame_address(0));
    for (unsigned i = 0; i < 6; i++) c.registers[i] = a[i];
    for (unsigned i = 0; i < d.nargs; i++) {
        const wire::ArgKind kind = d.kind(i);
        if (is_text(kind)) {
            char* copy = static_cast<char*>(__builtin_alloca(kUsualPath));
            const long n = copy_known_string(a[i], copy, kUsualPath);
            if (n < 0) {
                c.readable = false;
                continue;
            }
            c.registers[i] = reinterpret_cast<uint64_t>(copy + a[i] % 8);
            c.add_text(kind, i, copy + a[i] % 8, n);
        } else if (kind == wire::ArgKind::dirfd && static_cast<int32_t>(a[i]) != kAtFdCwd) {
            c.directories[i] = static_cast<char*>(__builtin_alloca(kUsualPath));
        } else if (kind == wire::ArgKind::sockaddr && a[i]) {
            const uint64_t n = a[i + 1];
            if (n > kSockaddrMax || !range_known(a[i], n)) {
                c.readable = false;
                continue;
            }
            void* copy = __builtin_alloca(kSockaddrMax);
            __builtin_memcpy(copy, reinterpret_cast<const void*>(a[i]), n);
            c.registers[i] = reinterpret_cast<uint64_t>(copy);
            c.add(wire::Tag::sockaddr, i, copy, n);
        } else if (kind == wire::ArgKind::outaddr && a[i] && range_known(a[i + 1], sizeof c.room)) {
            c.room = *reinterpret_cast<const uint32_t*>(a[i + 1]);
        }
    }
    return act(p, d, a, c);
}

bool returns_at_once(uint64_t fd) {
    constexpr int kGetFlags = 3, kNonblock = 04000;
    const Process* p = managed();
    if (!nonblocking(fd) || !p || is_sealed(*p)) return false;
    const long flags = own_call(__NR_fcntl, fd, kGetFlags);
    return !failed(flags) && (flags & kNonblock);
}

[[gnu::noinline, gnu::cold]] long interrupted(const Descriptor& d, const uint64_t (&a)[6]) {
    return interrupted_by_waiting(d, a) ? out(d, a) : kEintr;
}

long pass_through(Descriptor d, const uint64_t (&a)[6]) {
    const Process* p = managed();
    if (!p || !p->gadget || d.tier != wire::Tier::gadget || must_stay_cancellable(d, a)) return out(d, a);
    return through_gadget_unrecorded(d, a);
}

long invoke_slowly(const Descriptor& d, const uint64_t (&a)[6]) {
    Process* p = managed();
    if (p) return out(d, a);
    p = enlist();
    return p ? wire::bit(p->ring.control->wanted, d.call) ? observed(*p, d, a) : pass_through(d, a) : out(d, a);
}

}  // namespace undercoat::shim
