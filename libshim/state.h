// What the shim remembers: of the image (plain memory, inherited by fork) and of the process (wiped by the kernel at
// fork).
//
// Must stay true: a process that has not registered itself finds `ring.control` null, whatever made it: fork, raw
// clone, exec. A vfork child shares all of this with its parent and is told apart by the thread-local mark alone.
// Everything is written with single stores, so that a signal handler or another thread never sees a ring that is half
// set up.
#pragma once

#include "wire/local/calls.h"
#include "wire/local/handover.h"
#include "wire/local/ring.h"

// The program is about to confine itself by prctl(option, argument): see confine.cc. Called by syscall.S too.
extern "C" void uc_before_prctl(int option, unsigned long argument);

namespace undercoat::shim {

struct Process {
    wire::Ring ring;  // control null: no ring; without granules: it speaks by words (word.cc), `head` counts them
    bool trapped;     // a seccomp filter sends what does not pass the gadget to instrument
    bool gadget;      // the gadget page is ours
    uint32_t seq;     // last value of a cookie
    uint32_t calls;   // interposed calls before registration
    bool unwiped;     // a fork's child finds this: whose it is must be looked at
    uint32_t owner;   // pid, in the process's own name space
    uint32_t threads[8];  // of the owner's, those seen last, by the low bits of their ids
};

// The objects loaded at start, which are never unloaded; only those are searched for imports.
struct Object {
    uintptr_t base;
    const void* dynamic;
};

inline constexpr unsigned kKnownPages = 1024;
// Mapped at once: a page with a Process, which fork wipes, then the table of known pages.
inline constexpr size_t kProcessSize = 4096 + kKnownPages * sizeof(uint32_t);

// Must fit one page together with all other data of the library: an image without a ring shall cost no more.
struct Image {
    uint32_t registering;   // a thread is in enlist()
    uint32_t calls;         // Process::calls until there is a Process
    bool off;               // nobody serves us, or no further system call of ours may be made: pass everything through
    bool foreign_children;  // a clone without CLONE_THREAD runs in our memory: it must not speak for us
    bool gadget;            // mapped in this address space
    bool scanned;           // cancel_used and musl are known
    bool cancel_used;       // the program can cancel threads: calls that may block must stay cancellable
    bool musl;
    bool no_clock;          // the program has forbidden itself the time stamp counter
    bool changed_ids;       // speak_for_ourselves() was called: the trap may not be able to read us
    bool settled;         // an instrument was looked for, by us or by whoever executed us
    bool told;            // instrument knows of this image
    bool unwiped;         // a fork's child finds its parent's Process: the kernel (gVisor) wipes nothing
    bool moved;           // root or mount name space were changed: our file may not be visible
    uint16_t tid_offset;  // of the thread id from the thread pointer; 0: unknown
    uint32_t path_length;
    char path[256];  // of this library, as the loader was told; empty: do not re-add
    char meet[108];  // UNDERCOAT_MEET; empty: none
    uint32_t objects_count;
    Object objects[64];
    Object libc;
    // kKnownPages of them, see readable.h. Null: none is known; there from the first ring on, as only who records must read.
    uint32_t* pages;
    uint8_t nonblocking[128];  // a bit for each descriptor below 1024: seen to be made non-blocking
    uint8_t streaming[128];    // alike: made as a stream socket of the internet
};

extern Image g_image;
extern Process* g_process;  // null until the first registration
extern "C" __thread uint32_t t_in_vfork_child __attribute__((tls_model("initial-exec")));
// A bit of it: the child has confined itself, and makes no calls of ours.
inline constexpr uint32_t kSealedChild = 2;
extern "C" __thread size_t* t_vector_left __attribute__((tls_model("initial-exec")));  // in our memory, by a vfork child that executes

// Whether an unwiped one is this process's own; if not it is forgotten. The thread id, which libc keeps up to date across its forks,
// tells nearly always; a thread seen for the first time costs a getpid.
bool still_ours(Process& p);

inline Process* managed() {
    Process* p = g_process;
    if (!p || !p->ring.control || t_in_vfork_child) return nullptr;
    if (p->unwiped && !still_ours(*p)) [[unlikely]]
        return nullptr;
    return p;
}

// Whether a trap may hold this process's calls.
inline bool calls_are_held() {
    const Process* p = managed();
    return p ? p->trapped : !g_image.meet[0];
}

inline bool by_words(const Process* p) { return p && p->ring.control && !p->ring.granules; }

// False once a thread may not read the time stamp counter: no record can be stamped. The trap sees everything then.
// Whether calls are recorded as usual: true for nearly every process, at the price of one load.
inline bool is_usual(const wire::Ring& ring) {
    static_assert(offsetof(wire::RingControl, stacks_wanted) == offsetof(wire::RingControl, no_clock) + 4);
    return __atomic_load_n(reinterpret_cast<const uint64_t*>(&ring.control->no_clock), __ATOMIC_RELAXED) == 0;
}
inline bool can_record(const wire::Ring& ring) { return !__atomic_load_n(&ring.control->no_clock, __ATOMIC_RELAXED); }

// The program has confined itself: a call that it would not make may kill it.
inline bool is_sealed(const Process& p) {
    return g_image.off || __atomic_load_n(&p.ring.control->sealed, __ATOMIC_RELAXED);
}

// Whether a descriptor was seen to be made non-blocking. No more than a reason to ask the kernel (returns_at_once()): close is not
// seen, nor every way by which a number comes to mean another socket.
inline bool nonblocking(uint64_t fd) {
    return fd < 1024 && (__atomic_load_n(&g_image.nonblocking[fd / 8], __ATOMIC_RELAXED) >> fd % 8 & 1);
}
inline void note_bit(uint8_t (&of)[128], long fd, bool is) {
    if (fd < 0 || fd >= 1024) return;
    const auto bit = static_cast<uint8_t>(1 << fd % 8);
    if (is) __atomic_fetch_or(&of[fd / 8], bit, __ATOMIC_RELAXED);
    else __atomic_fetch_and(&of[fd / 8], static_cast<uint8_t>(~bit), __ATOMIC_RELAXED);
}
inline void note_nonblocking(long fd, bool is) { note_bit(g_image.nonblocking, fd, is); }
// Whether a descriptor was seen to be made as a stream socket of the internet: a hint of the same kind.
inline bool streaming(uint64_t fd) {
    return fd < 1024 && (__atomic_load_n(&g_image.streaming[fd / 8], __ATOMIC_RELAXED) >> fd % 8 & 1);
}
inline void note_streaming(long fd, bool is) { note_bit(g_image.streaming, fd, is); }

// Called for each interposed call of a process without a ring: counts, and registers when the process has earned it; where its image
// was told by a word, it goes on by words. Returns the process when it may record now, else null. Cold; keeps errno.
Process* enlist();
// A ring in place of words. Without one, and with nobody who hears them, it falls silent. Keeps errno.
void take_ring(bool heard);
// In the child of fork(): it speaks for itself.
void forget_parent();
// Nothing more may be said by words.
void end_words();
// Frees what a vfork child has left behind, whose execution took the rest of it.
void give_vector_left();
// Fills Image::musl and cancel_used; harmless when done already.
void note_imports();
// Registers now if that is still possible.
void enlist_now();
// From now on the kernel may forbid the trap to read our memory (another identity, not dumpable): what is called is recorded here.
void speak_for_ourselves();
// Registers at a meeting place now, as a process that was entered from outside. False: there is none, or it refuses us.
bool enlist_entered();
// Says at the meeting place what this image is (wire/local/handover.h, 5.). Before main, and before the environment is changed.
// False: the word did not get through.
bool tell_image();
// For an image that nobody told of an instrument: joins the one that is there, or starts one beside (beside.cc).
void find_instrument();

// Whether records may be made, which need the time stamp counter (confine.cc).
void set_clock(bool allowed);

// What SECCOMP_MODE_STRICT does, where the kernel refuses it beside a filter. 0 or a negated errno.
long confine_strictly();

// Descriptor of the ring from a meeting place, or a negated errno. Remembers the place, which children are told of.
long meet(wire::MeetKind what);
// Fills Image::objects, libc and path; harmless when done already.
void note_objects();
// Address of a function of libc, or null.
void* libc_function(const char* name);
// True when an object loaded at start, libc excepted, refers to one of these: names one behind the other, each with its NUL, and
// another NUL.
bool imports(const char* names);

// The real libc function behind a hook, looked up once.
#define UC_REAL(name)                                                                                     \
    ([]() -> decltype(&::name) {                                                                          \
        static void* slot;                                                                                \
        void* at = __atomic_load_n(&slot, __ATOMIC_RELAXED);                                              \
        if (!at) __atomic_store_n(&slot, at = ::undercoat::shim::libc_function(#name), __ATOMIC_RELAXED); \
        return reinterpret_cast<decltype(&::name)>(at);                                                   \
    }())

#define UC_EXPORT extern "C" __attribute__((visibility("default")))

inline uint32_t current_tid() {
    if (!g_image.tid_offset) return 0;
    uint32_t tid;
    asm("movl %%fs:(%1), %0" : "=r"(tid) : "r"(static_cast<uint64_t>(g_image.tid_offset)));
    return tid;
}

// As records tell it: 0 for the process's first thread, which the reader knows by the ring. In a pid name space of its own the process
// knows no other number of it than the inner one.
inline uint32_t recorded_tid() {
    const uint32_t tid = current_tid();
    const Process* p = g_process;
    return p && tid == p->owner ? 0 : tid;
}

}  // namespace undercoat::shim
