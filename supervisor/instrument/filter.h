// The seccomp filter: generated from the syscall table, installed by the workload's first process on itself.
//
// Must stay true: which calls are trapped, and when, comes from the table alone (Tier and When); every unlisted call gets
// a constant ALLOW that looks at nothing but architecture and number, so that it stays in the kernel's bitmap.
#pragma once

#include <cstdint>
#include <linux/filter.h>
#include <sys/types.h>
#include <vector>

#include "base/result.h"
#include "wire/local/calls.h"

namespace undercoat::instrument {

// What a listed call meets: a listener of ours, or our tracer.
enum class TrapAction { notify, trace };

struct FilterSpec {
    bool gadget = true;                 // false: nothing is allowed by the instruction pointer (trap mode)
    std::vector<int32_t> protected_pids{}; // kills of these take the trap from anywhere
    TrapAction action = TrapAction::notify;
};

// Never longer than BPF_MAXINSNS for the table at hand (a unit test holds this).
std::vector<sock_filter> build_filter(const FilterSpec& spec);

// The call that an i386 number stands for. Its wide-argument variants (setuid32, chown32, fcntl64 …) count as the plain
// call. kNoCall where nothing is captured.
uint16_t captured_call_i386(uint64_t nr);
// The same for the native table.
uint16_t captured_call(uint64_t nr);
// i386's multiplexer of the socket calls.
inline constexpr uint64_t kSocketcallNr = 102;
inline constexpr uint64_t kX32Bit = 0x40000000;

struct Installed {
    bool there = false;
    int listener = -1;         // close-on-exec
    bool no_new_privs = false; // it was needed, and is now set
    int error = 0;             // errno when it is not there
};

// Installs the filter on the calling thread; with TrapAction::trace there is no listener, and error says whether it is there. Makes no call that the filter itself would trap. Async-signal-safe.
Installed install_filter(const std::vector<sock_filter>& program, TrapAction action = TrapAction::notify);

}  // namespace undercoat::instrument
