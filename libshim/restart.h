// While this lives, handlers of the program restart the calls that they interrupt.
//
// For functions of libc that bring other threads to make a trapped call: one of them that is interrupted while it waits
// for its trap, which natively it never is, has libc end the program. Must stay true: only handlers that did not ask for
// restarts are touched, and afterwards none that was changed meanwhile; nothing is done where there is no filter.
#pragma once

#include <asm/unistd.h>

#include "libshim/raw_syscall.h"
#include "libshim/state.h"

namespace undercoat::shim {

class RestartingHandlers {
public:
    RestartingHandlers() {
        if (g_image.off || t_in_vfork_child || !calls_are_held()) return;
        for (int s = 1; s <= kSignals; s++) {
            Action a;
            if (!get(s, a) || a.handler <= kIgnored || a.flags & kRestart) continue;
            a.flags |= kRestart;
            if (set(s, a)) changed_ |= 1ULL << (s - 1);
        }
    }
    ~RestartingHandlers() {
        for (uint64_t left = changed_; left; left &= left - 1) {
            const int s = __builtin_ctzll(left) + 1;
            Action a;
            if (!get(s, a) || a.handler <= kIgnored || !(a.flags & kRestart)) continue;
            a.flags &= ~kRestart;
            set(s, a);
        }
    }
    RestartingHandlers(const RestartingHandlers&) = delete;
    RestartingHandlers& operator=(const RestartingHandlers&) = delete;

private:
    static constexpr int kSignals = 64;
    static constexpr uint64_t kIgnored = 1, kRestart = 0x10000000;
    struct Action {  // the kernel's
        uint64_t handler, flags, restorer, mask;
    };
    static bool get(int s, Action& a) { return !failed(own_call(__NR_rt_sigaction, s, 0, &a, 8)); }
    static bool set(int s, const Action& a) { return !failed(own_call(__NR_rt_sigaction, s, &a, 0, 8)); }
    uint64_t changed_ = 0;
};

}  // namespace undercoat::shim
