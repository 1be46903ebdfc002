// How a process gets its ring: lazily, by the trap or over a socket (wire/local/handover.h), and again after fork.
//
// Must stay true: nothing is mapped for a process that has not made kEnough interposed calls, or one where a meeting place is
// named; every failure leaves the process as it was, with all its calls going out by the trap door; all signals are
// blocked meanwhile, so that no handler can jump out half way; errno is kept. These, the looks at directories and streams that spare a
// trap (invoke.cc, hooks_proc.cc), and the wake-up of a supervisor that sleeps (emit.cc) are the only system calls that the shim makes of
// its own accord while the program runs. A program that sealed itself by a way that prctl() and syscall() do not show us is refused by
// the trap, which has seen it: then openat is all that is called, so it comes before signals are blocked where nobody can jump out of a
// handler. Without a trap it may be killed.
#include <asm/mman.h>
#include <asm/unistd.h>
#include <linux/mman.h>

#include "libshim/raw_syscall.h"
#include "libshim/state.h"

namespace undercoat::shim {
namespace {

constexpr uint32_t kEnough = 4;
constexpr long kEintr = -4, kEfault = -14, kNotAsked = 1L << 32;
constexpr uint64_t kAllSignals = ~0ULL;
constexpr int kProtRead = 1, kProtWrite = 2, kProtExec = 4, kMapShared = 1, kMapPrivate = 2, kMapAnonymous = 0x20;

// Where the kernel is asked to put our mappings, if it is free there: beside the gadget, out of the way of the
// program's. A hole that the program has made with munmap, and relies on, must not be filled by us.
constexpr uint64_t kRingHintEnd = wire::kGadgetAddress - 0x20000, kProcessHint = wire::kGadgetAddress - 0x10000;

// glibc and musl keep the thread id at these offsets from the thread pointer; elsewhere it is searched, and not
// believed unless it is found exactly once.
void find_tid() {
    const auto tid = static_cast<uint32_t>(own_call(__NR_gettid));
    g_image.tid_offset = 0;
    const auto at = [](uint16_t offset) {
        uint32_t v;
        asm("movl %%fs:(%1), %0" : "=r"(v) : "r"(static_cast<uint64_t>(offset)));
        return v;
    };
    const uint16_t known = g_image.musl ? 0x30 : 0x2d0;
    if (at(known) == tid) {
        g_image.tid_offset = known;
        return;
    }
    uint16_t found = 0, times = 0;
    for (uint16_t o = 8; o < 0x400; o = static_cast<uint16_t>(o + 4))
        if (at(o) == tid) found = o, times++;
    if (times == 1) g_image.tid_offset = found;
}

}  // namespace

void note_imports() {
    if (g_image.scanned) return;
    g_image.musl = !libc_function("gnu_get_libc_version");
    g_image.cancel_used = g_image.cancel_used || imports("pthread_cancel\0");
    g_image.scanned = true;
}

namespace {

void unmap(void* p, size_t n) { own_call(__NR_munmap, p, n); }

bool valid(const wire::RingControl* c) {
    return c->magic == wire::kRingMagic && c->abi == wire::kAbi && c->granules >= 16 && c->granules <= 1 << 20 &&
           (c->granules & (c->granules - 1)) == 0;
}

bool map_ring(int fd, wire::Ring& ring) {
    size_t granules = wire::kShimRingGranules;
    for (int attempt = 0; attempt < 2; attempt++) {
        const size_t size = wire::kControlSize + granules * wire::kGranule;
        const long p =
            own_call(__NR_mmap, (kRingHintEnd - size) & ~0xfffULL, size, kProtRead | kProtWrite, kMapShared, fd, 0);
        if (failed(p)) return false;
        auto* control = reinterpret_cast<wire::RingControl*>(p);
        if (valid(control) && control->granules == granules) {
            ring = {control, reinterpret_cast<uint8_t*>(p) + wire::kControlSize, control->granules};
            return true;
        }
        const bool again = valid(control);
        granules = control->granules;
        unmap(control, size);
        if (!again) return false;
    }
    return false;
}

// Anything at the gadget's address already: then there is no gadget, everything traps, and all is still correct.
void map_gadget() {
    if (g_image.gadget) return;
    void* const want = reinterpret_cast<void*>(wire::kGadgetAddress);
    const long p = own_call(__NR_mmap, want, 4096, kProtRead | kProtWrite,
                            kMapPrivate | kMapAnonymous | MAP_FIXED_NOREPLACE, -1, 0);
    if (failed(p)) return;
    if (reinterpret_cast<void*>(p) != want) {  // a kernel that does not know the flag
        unmap(reinterpret_cast<void*>(p), 4096);
        return;
    }
    static const uint8_t code[] = {0x0f, 0x05, 0xff, 0xe3};  // syscall; jmp *%rbx
    for (size_t i = 0; i < sizeof code; i++) static_cast<volatile uint8_t*>(want)[i] = code[i];
    if (failed(own_call(__NR_mprotect, want, 4096, kProtRead | kProtExec))) {
        unmap(want, 4096);
        return;
    }
    g_image.gadget = true;
}

// One for words and one for a ring: whoever still looks at the first while the second takes its place sees it unchanged. One more for
// vfork children.
struct Place {
    Process ring;
    Process words;
    Process vfork_child;
    wire::RingControl said;
};
static_assert(sizeof(Place) <= 4096);
Place* g_place;

// Wiped after a fork; null: no memory.
Place* place() {
    if (g_place) return g_place;
    const long p = own_call(__NR_mmap, kProcessHint, kProcessSize, kProtRead | kProtWrite, kMapPrivate | kMapAnonymous, -1, 0);
    if (failed(p)) return nullptr;
    // Without wiping, a raw clone speaks with its parent's ring; only libc's own forks are told apart.
    g_image.unwiped = failed(own_call(__NR_madvise, reinterpret_cast<void*>(p), 4096, MADV_WIPEONFORK));
    __atomic_store_n(&g_image.pages, reinterpret_cast<uint32_t*>(p + 4096), __ATOMIC_RELEASE);
    return g_place = reinterpret_cast<Place*>(p);
}

void publish(Process* p, wire::RingControl* control) {
    p->unwiped = g_image.unwiped;
    p->owner = static_cast<uint32_t>(own_call(__NR_getpid));
    __atomic_store_n(&p->ring.control, control, __ATOMIC_RELEASE);
    __atomic_store_n(&g_process, p, __ATOMIC_RELEASE);
}

// After exec, and where the program forbade it by an instruction of its own, only the kernel knows.
bool clock_forbidden() {
    constexpr int kPrGetTsc = 25, kTscSigsegv = 2;
    int mode = 0;
    return g_image.no_clock || (!failed(own_call(__NR_prctl, kPrGetTsc, &mode)) && mode == kTscSigsegv);
}

// Whoever could shorten what we have mapped could end us by it.
bool keeps_its_size(int fd) {
    constexpr int kGetSeals = 1034, kShrinkAndGrow = 2 | 4;
    const long seals = own_call(__NR_fcntl, fd, kGetSeals, 0);
    return !failed(seals) && (seals & kShrinkAndGrow) == kShrinkAndGrow;
}

// A child of a raw clone may run in its parent's memory: a ring for it would be the parent's, too, and nobody's once the child ends. libc
// does not know its number (find_tid()), so it is told apart by that, unless our place was wiped, as a copy's is. Its calls take the trap.
bool may_be_in_foreign_memory() { return !g_image.tid_offset && !g_place; }

void ask_later() {
    uint32_t& calls = g_process ? g_process->calls : g_image.calls;
    __atomic_store_n(&calls, -1024U, __ATOMIC_RELAXED);
}

void adopt(int fd, bool trapped) {
    find_tid();
    if (trapped && may_be_in_foreign_memory()) {
        own_call(__NR_close, fd);
        return ask_later();
    }
    wire::Ring ring;
    const bool ok = (trapped || keeps_its_size(fd)) && map_ring(fd, ring);
    own_call(__NR_close, fd);
    if (!ok) {
        g_image.off = true;
        return;
    }
    const size_t size = wire::kControlSize + size_t{ring.granules} * wire::kGranule;
    if (trapped) map_gadget();
    Place* const at = place();
    if (!at) {
        unmap(ring.control, size);
        return;
    }
    // Where the child's memory still names the ring it must be there.
    if (!g_image.unwiped) own_call(__NR_madvise, ring.control, size, MADV_DONTFORK);
    Process* const p = &at->ring;
    p->trapped = trapped;
    p->gadget = trapped && g_image.gadget;
    p->ring.data = ring.data;
    p->ring.granules = ring.granules;
    if (clock_forbidden()) __atomic_store_n(&ring.control->no_clock, 1, __ATOMIC_RELAXED);
    publish(p, ring.control);
}

constexpr auto kEverything = [] {
    struct {
        uint64_t bits[wire::kBitmapWords];
    } all{};
    for (uint16_t i = 0; i < wire::kCallCount; i++)
        if (wire::captured(wire::kCalls[i])) all.bits[i / 64] |= uint64_t{1} << i % 64;
    return all;
}();

void want_everything(wire::RingControl& said) {
    __builtin_memcpy(said.wanted, kEverything.bits, sizeof kEverything.bits);
    said.names_wanted = 1;
    said.no_clock = clock_forbidden();
}

void begin_words() {
    note_imports();
    Place* const at = place();
    if (!at) return;
    find_tid();
    want_everything(at->said);
    publish(&at->words, &at->said);
}

// A vfork child of an image that was told by a word: it speaks by words, whatever its parent does, whose memory it runs in. Nothing
// of it is published there. The thread id that libc knows is its parent's.
Process* vfork_child() {
    if (!g_image.meet[0] || !g_image.told) return nullptr;
    if (!g_place || !g_place->vfork_child.ring.control) {
        uint64_t before = 0;
        own_call(__NR_rt_sigprocmask, 0, &kAllSignals, &before, 8);
        if (!__atomic_exchange_n(&g_image.registering, 1, __ATOMIC_ACQUIRE)) {
            note_imports();
            if (Place* const at = place()) {
                want_everything(at->said);
                __atomic_store_n(&at->vfork_child.ring.control, &at->said, __ATOMIC_RELEASE);
            }
            __atomic_store_n(&g_image.registering, 0, __ATOMIC_RELEASE);
        }
        own_call(__NR_rt_sigprocmask, 2, &before, 0, 8);
    }
    return g_place && g_place->vfork_child.ring.control ? &g_place->vfork_child : nullptr;
}

// A descriptor, or a negated errno: kEfault where nobody holds the call.
long ask_trap() {
    constexpr int kMostTimes = 16;  // a handler that runs while the trap is waited for ends the call
    long r = kEintr;
    for (int i = 0; i < kMostTimes && r == kEintr; i++)
        r = own_call(__NR_openat, wire::kMagicDirfd, wire::kMagicPath, wire::kMagicFlags, wire::kAbi);
    return r;
}

// Without a meeting place there may be a trap, and whoever is sealed must be asked for nothing before it has said so. Where the
// program may jump out of a handler, the descriptor would be left behind.
bool asks_trap_first() {
    note_imports();
    return !g_image.meet[0] && !g_image.cancel_used &&
           !imports("longjmp\0_longjmp\0siglongjmp\0__longjmp_chk\0setcontext\0swapcontext\0");
}

// `fd`: the trap's answer.
void register_process(long fd) {
    if (!failed(fd)) return adopt(static_cast<int>(fd), true);
    if (fd != kEfault) return ask_later();  // an instrument that has no ring for us now: ask again, less often
    const long met = meet(g_image.told ? wire::MeetKind::ring : wire::MeetKind::untold);
    if (!failed(met)) return adopt(static_cast<int>(met), false);
    if (!by_words(g_process)) g_image.off = true;
}

bool has_what_it_may_have(bool words) {
    const Process* now = managed();
    return g_image.off || (now && (words || !by_words(now)));
}

void register_blocked(bool words, long fd) {
    uint64_t before = 0;
    own_call(__NR_rt_sigprocmask, 0, &kAllSignals, &before, 8);
    if (has_what_it_may_have(words)) {
        if (fd != kNotAsked && !failed(fd)) own_call(__NR_close, fd);
    } else if (words) {
        begin_words();
    } else {
        register_process(fd == kNotAsked ? ask_trap() : fd);
    }
    own_call(__NR_rt_sigprocmask, 2, &before, 0, 8);
}

Process* register_once(bool words) {
    if (__atomic_exchange_n(&g_image.registering, 1, __ATOMIC_ACQUIRE)) return nullptr;
    if (!has_what_it_may_have(words)) {
        const long fd = !words && asks_trap_first() ? ask_trap() : kNotAsked;
        if (failed(fd) && fd != kEfault) register_process(fd);
        else register_blocked(words, fd);
    }
    __atomic_store_n(&g_image.registering, 0, __ATOMIC_RELEASE);
    return managed();
}

}  // namespace

Process* enlist() {
    if (g_image.off || g_image.foreign_children) return nullptr;
    if (t_in_vfork_child) return t_in_vfork_child & kSealedChild ? nullptr : vfork_child();
    uint32_t& calls = g_process ? g_process->calls : g_image.calls;
    const auto n = static_cast<int32_t>(__atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED));
    if (n < static_cast<int32_t>(g_image.meet[0] ? 1 : kEnough)) return nullptr;
    return register_once(g_image.meet[0] && g_image.told);
}

void speak_for_ourselves() {
    g_image.changed_ids = true;
    if (!g_image.foreign_children) enlist_now();
}

bool enlist_entered() {
    note_imports();
    const long met = meet(wire::MeetKind::entered);
    if (failed(met)) return false;
    g_image.told = true;
    adopt(static_cast<int>(met), false);
    return true;
}

void enlist_now() {
    const Process* p = managed();
    if (!g_image.off && !t_in_vfork_child && (!p || by_words(p))) register_once(false);
}

[[gnu::noinline, gnu::cold]] bool still_ours(Process& p) {
    if (g_image.off) return true;  // sealed: it is asked for nothing
    const uint32_t tid = current_tid();
    uint32_t& known = p.threads[tid % (sizeof p.threads / sizeof *p.threads)];
    if (tid && __atomic_load_n(&known, __ATOMIC_RELAXED) == tid) return true;
    if (static_cast<uint32_t>(own_call(__NR_getpid)) != p.owner) {
        forget_parent();
        return false;
    }
    __atomic_store_n(&known, tid, __ATOMIC_RELAXED);
    return true;
}

void forget_parent() {
    if (!g_image.unwiped || !g_place) return;
    __atomic_store_n(&g_process, nullptr, __ATOMIC_RELEASE);
    *g_place = {};
}

void end_words() {
    if (by_words(g_process)) __atomic_store_n(&g_process->ring.control, nullptr, __ATOMIC_RELEASE);
}

void take_ring(bool heard) {
    if (g_image.foreign_children) return;
    enlist_now();
    if (heard || !by_words(managed())) return;
    g_image.off = true;
    end_words();
}

}  // namespace undercoat::shim
