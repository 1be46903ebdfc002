// Hooks of calls that take memory away: what the program unmaps, protects or maps over is no longer known to be readable
// (readable.h), and where it takes memory of ours it gets it.
//
// Must stay true: the calls are the real functions'; libc's own use of them does not pass here, and needs not: it gives
// back what it has mapped itself. A thread that is in a hook while another takes the ring away faults: such programs do
// it before they have threads.
#include "libshim/raw_syscall.h"
#include "libshim/readable.h"
#include "libshim/state.h"

using namespace undercoat;
using namespace undercoat::shim;

extern "C" {
void* mmap(void*, size_t, int, int, int, long);
int munmap(void*, size_t);
int mprotect(void*, size_t, int);
void* mremap(void*, size_t, size_t, int, void*);
}

namespace {

constexpr int kProtRead = 1, kMapFixed = 0x10, kMremapFixed = 2, kEnosys = 38;

struct Range {
    uint64_t from, to;
    Range(const void* where, size_t n) : from(reinterpret_cast<uint64_t>(where)), to(from + n < from ? ~0ULL : from + n) {}
    bool meets(const void* where, size_t n) const {
        const auto a = reinterpret_cast<uint64_t>(where);
        return from < a + n && a < to;
    }
};

// Nothing is recorded from then on, in children neither; where there is a filter, everything traps.
[[gnu::noinline]] void give_way(const Range& r) {
    Process* p = g_process;
    const bool gadget = g_image.gadget && r.meets(reinterpret_cast<const void*>(wire::kGadgetAddress), kPage);
    const bool ring = p && p->ring.control &&
                      r.meets(p->ring.control, wire::kControlSize + size_t{p->ring.granules} * wire::kGranule);
    const bool process = p && r.meets(p, kPage);
    const bool pages = g_image.pages && r.meets(g_image.pages, kKnownPages * sizeof *g_image.pages);
    if (!gadget && !ring && !process && !pages) return;
    g_image.off = true;
    if (gadget) {
        g_image.gadget = false;
        if (p) p->gadget = false;
    }
    if (ring || process) __atomic_store_n(&g_process, static_cast<Process*>(nullptr), __ATOMIC_RELEASE);
    if (pages) __atomic_store_n(&g_image.pages, static_cast<uint32_t*>(nullptr), __ATOMIC_RELEASE);
}

void taken(const void* where, size_t n, bool unreadable) {
    const Range r(where, n);
    if (unreadable) forget_range(r.from, r.to);
    if (g_process || g_image.gadget || g_image.pages) give_way(r);
}

void* failed_map() {
    set_errno(kEnosys);
    return reinterpret_cast<void*>(-1L);
}

}  // namespace

UC_EXPORT void* mmap(void* where, size_t n, int protection, int flags, int fd, long offset) {
    if (flags & kMapFixed) taken(where, n, true);
    const auto real = UC_REAL(mmap);
    return real ? real(where, n, protection, flags, fd, offset) : failed_map();
}
UC_EXPORT void* mmap64(void* where, size_t n, int protection, int flags, int fd, long offset) {
    return mmap(where, n, protection, flags, fd, offset);
}
UC_EXPORT int munmap(void* where, size_t n) {
    taken(where, n, true);
    const auto real = UC_REAL(munmap);
    return real ? real(where, n) : static_cast<int>(libc_result(-kEnosys));
}
UC_EXPORT int mprotect(void* where, size_t n, int protection) {
    taken(where, n, !(protection & kProtRead));
    const auto real = UC_REAL(mprotect);
    return real ? real(where, n, protection) : static_cast<int>(libc_result(-kEnosys));
}
// The fifth argument is in its register whether it was passed or not.
UC_EXPORT void* mremap(void* where, size_t n, size_t size, int flags, void* to) {
    taken(where, n, true);
    if (flags & kMremapFixed) taken(to, size, true);
    const auto real = UC_REAL(mremap);
    return real ? real(where, n, size, flags, to) : failed_map();
}
