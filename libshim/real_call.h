// Hooks that leave the call to the real libc function, which does more than the system call.
//
// Must stay true: in full mode the trap sees such a call; only where nobody else does is it recorded here.
#pragma once

#include "libshim/emit.h"
#include "libshim/raw_syscall.h"
#include "libshim/state.h"

namespace undercoat::shim {

using wire::Call;

// Records a call that a real libc function has made; result as libc returned it. `trapped_too`: in full mode the trap has seen it.
template <Call C, class... A>
long note(long result, bool trapped_too, A... args) {
    const Process* p = managed();
    if (!p) {
        p = enlist();
        if (!p) return result;
    }
    if ((p->trapped && trapped_too) || !wire::bit(p->ring.control->wanted, static_cast<uint16_t>(C))) return result;
    const uint64_t a[6] = {to_register(args)...};
    emit(p->ring,
         {wire::RecordKind::call, static_cast<uint16_t>(C), 0, result == -1 ? -get_errno() : result, a, sizeof...(A)});
    return result;
}

// A libc function whose call natively no signal interrupts: made again where it was interrupted while it waited for its trap. errno as
// the last of them leaves it.
template <class F, class... A>
int uninterrupted(F real, A... args) {
    constexpr int kInterrupted = 4;
    const int before = get_errno();
    for (;;) {
        const int r = real(args...);
        if (r != -1 || get_errno() != kInterrupted || !calls_are_held()) return r;
        set_errno(before);
    }
}

template <Call C, class F, class... A>
int real_call(F real, A... args) {
    if (!real) {
        set_errno(38);
        return -1;
    }
    return static_cast<int>(note<C>(real(args...), true, args...));
}

}  // namespace undercoat::shim
