// The environment across exec: what the exec hooks add so that the next image is seen too, and what the constructor of
// that image takes out again, so that the program finds the environment it was given (kEnvAdded in
// wire/local/handover.h).
//
// Must stay true: append, never prepend; memory on the stack, bounded, or mapped for the time of the call; nothing is added that is there already;
// what a user has set himself stays visible.
#pragma once

#include "libshim/raw_syscall.h"
#include "libshim/state.h"
#include "libshim/text.h"

extern "C" char** environ __attribute__((weak, visibility("default")));

namespace undercoat::shim {

// Reads the meeting place and the marker: its value, or null.
const char* read_additions();
// Takes out of `environ`, in place, what the marker says was added.
void restore_environment(const char* added);

// How the environment of the next image differs from what the program passes.
struct EnvironmentPlan {
    bool add = false;         // false: pass it on as it is
    size_t count = 0;         // entries of the program's
    char* preload = nullptr;  // the program's LD_PRELOAD value
    bool add_preload = false;
    bool add_meet = false;
    size_t preload_size = 0;  // bytes of our LD_PRELOAD entry
};
EnvironmentPlan plan_environment(char* const* envp);
// Fills `out` (plan.count + 4 pointers), `preload` (plan.preload_size) and `small` (kSmallText bytes).
inline constexpr size_t kSmallText = 32 + sizeof(Image::meet) + 16;
void build_environment(const EnvironmentPlan& plan, char* const* envp, char** out, char* preload, char* small);

inline constexpr int kE2big = 7;

// A vector of `n` pointers for what is too big for a thread's stack; null: there is no memory, or we may make no call.
char** take_vector(size_t n);
void give_vector(char** v);
inline constexpr size_t kMostOnStack = 2048;

// Calls exec(envp) with the environment for the next image; when that is too big for the kernel, once more as given.
// exec returns int as libc does: -1 and errno, or (posix_spawn) the error.
template <class F>
__attribute__((noinline)) int with_environment(char* const* envp, F exec) {
    const EnvironmentPlan plan = plan_environment(envp);
    if (!plan.add) return exec(envp);
    const bool big = plan.count > kMostOnStack;
    auto** out = static_cast<char**>(__builtin_alloca(big ? sizeof(char*) : (plan.count + 4) * sizeof(char*)));
    if (big && !(out = take_vector(plan.count + 4))) return exec(envp);
    auto* preload = static_cast<char*>(__builtin_alloca(plan.preload_size));
    auto* small = static_cast<char*>(__builtin_alloca(kSmallText));
    build_environment(plan, envp, out, preload, small);
    const int r = exec(static_cast<char* const*>(out));
    if (big) give_vector(out);
    if (r == kE2big || (r == -1 && get_errno() == kE2big)) return exec(envp);
    return r;
}

}  // namespace undercoat::shim
