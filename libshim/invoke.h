// The way of every interposed system call: observed, passed through, or let out by the trap door.
//
// invoke() makes exactly the one call it is asked for. Must stay true:
//  - with a filter, a call that somebody wants is either made through the gadget and recorded here, or trapped and
//  recorded
//    there; never both, never neither;
//  - what the kernel gets is the copy that the record is made from;
//  - the order is call first, record after it: a record never speaks of a call that has not happened.
#pragma once

#include "libshim/raw_syscall.h"
#include "libshim/state.h"

namespace undercoat::shim {

// What invoke() needs to know of a call, packed so that it travels in registers and needs no relocated table.
struct Descriptor {
    uint16_t call;
    int16_t nr;
    uint8_t nargs;
    wire::Tier tier;
    wire::When when;
    bool blocks;     // a cancellation point
    bool interruptible;  // as the table says
    uint8_t path;    // the argument that observed_path() captures, or 6 when the call is not of its kind
    uint32_t kinds;  // five bits an argument
    constexpr wire::ArgKind kind(unsigned i) const { return static_cast<wire::ArgKind>(kinds >> 5 * i & 31); }
};
static_assert(sizeof(Descriptor) <= 16);

// See Descriptor::path.
constexpr uint8_t only_path(const Descriptor& d) {
    uint8_t at = 6;
    for (uint8_t i = 0; i < d.nargs; i++) {
        const wire::ArgKind k = d.kind(i);
        if (k == wire::ArgKind::string || k == wire::ArgKind::sockaddr || k == wire::ArgKind::outaddr) return 6;
        if (k == wire::ArgKind::path && at != 6) return 6;
        if (k == wire::ArgKind::path) at = i;
    }
    const bool simple = d.when == wire::When::always || (d.when == wire::When::dirfd && at == 1);
    return d.tier == wire::Tier::gadget && simple && d.nargs <= 4 ? at : 6;
}

template <wire::Call C>
consteval Descriptor describe(bool blocks) {
    constexpr const wire::CallInfo& c = wire::info(C);
    static_assert(c.x86_64 >= 0 && static_cast<unsigned>(wire::ArgKind::sig) < 32);
    uint32_t kinds = 0;
    for (unsigned i = 0; i < 6; i++) kinds |= static_cast<uint32_t>(c.args[i]) << 5 * i;
    Descriptor d{static_cast<uint16_t>(C), c.x86_64, c.nargs, c.tier, c.when, blocks, c.interruptible, 6, kinds};
    d.path = only_path(d);
    return d;
}

// Cold or rare ways of invoke(): without a ring, without the gadget, or where the call must stay cancellable.
long invoke_slowly(const Descriptor& d, const uint64_t (&a)[6]);
// The call, captured: copies what the pointers name, and records it or lets the trap see it.
long observed(Process& p, const Descriptor& d, const uint64_t (&a)[6]);
// The same for calls with one path, at d.path, and nothing else to capture; returns as libc does. Straight-line,
// because after a system call neither code nor branches are in the processor's caches; arguments by value, so that
// hooks end in a jump here. What is not usual it gives to observed().
long observed_path(Descriptor d, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3);
// The call without looking at it; a cancellation point stays one.
long pass_through(Descriptor d, const uint64_t (&a)[6]);

// Whether calls on the descriptor do not block: asked of the kernel where we have reason to believe so.
bool returns_at_once(uint64_t fd);

// Calls that may block stay cancellable where the program cancels threads, or may do so for all we know.
inline bool must_stay_cancellable(const Descriptor& d, const uint64_t (&a)[6]) {
    if (!d.blocks || (g_image.scanned && !g_image.cancel_used)) return false;
    return d.kind(0) != wire::ArgKind::fd || !returns_at_once(a[0]);
}

inline constexpr long kEintr = -4;
// The call has come back with that from the gadget: made again if a trap took it after all.
long interrupted(const Descriptor& d, const uint64_t (&a)[6]);

// The filter takes some calls from the gadget, too, by their arguments.
[[gnu::always_inline]] inline long through_gadget_unrecorded(const Descriptor& d, const uint64_t (&a)[6]) {
    const long result = through_gadget(d.nr, a);
    if (d.when != wire::When::always && result == kEintr) [[unlikely]]
        return interrupted(d, a);
    return result;
}

// Returns the kernel's result. Inlined into each hook: see through_gadget() on the cost of returns.
[[gnu::always_inline]] inline long invoke(const Descriptor d, const uint64_t (&a)[6]) {
    Process* p = managed();
    if (!p) [[unlikely]]
        return invoke_slowly(d, a);
    if (wire::bit(p->ring.control->wanted, d.call)) return observed(*p, d, a);
    if (!p->gadget || d.tier != wire::Tier::gadget || must_stay_cancellable(d, a)) return invoke_slowly(d, a);
    return through_gadget_unrecorded(d, a);
}

enum Blocking : bool { never_blocks = false, may_block = true };

// The call C as its libc wrapper returns it.
template <wire::Call C, Blocking B = never_blocks, class... A>
[[gnu::always_inline]] inline long call(A... args) {
    static_assert(!B || wire::info(C).interruptible);
    const uint64_t a[6] = {to_register(args)...};
    constexpr Descriptor d = describe<C>(B);
    if constexpr (d.path < 6) {
        const Process* p = managed();
        if (p && wire::bit(p->ring.control->wanted, d.call)) return observed_path(d, a[0], a[1], a[2], a[3]);
    }
    return libc_result(invoke(d, a));
}

}  // namespace undercoat::shim
