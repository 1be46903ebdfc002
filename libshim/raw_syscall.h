// System calls without libc: from our own text (the trap door) and through the gadget page.
//
// Must stay true: the instruction of the trap door lies in this library's text, never in the gadget page, so that the
// filter traps it; neither form touches errno, memory of libc, or anything but the registers of the call. Both are
// async-signal-safe. Results are the kernel's: -4095..-1 is a negated errno.
#pragma once

#include <stdint.h>

#include "wire/local/handover.h"

extern "C" {
// libc's syscall(), once the program wants all calls to come from libc (confine.cc); else null.
using LibcSyscall = long (*)(long, ...);
extern __attribute__((visibility("hidden"))) LibcSyscall uc_libc_door;
}

namespace undercoat::shim {

// By uc_libc_door; keeps errno.
long call_by_libc(long nr, const uint64_t (&a)[6]);

[[gnu::always_inline]] inline long system_call(long nr, const uint64_t (&a)[6]) {
    long result;
    register uint64_t r10 asm("r10") = a[3];
    register uint64_t r8 asm("r8") = a[4];
    register uint64_t r9 asm("r9") = a[5];
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(nr), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
                 : "rcx", "r11", "memory");
    return result;
}

[[gnu::always_inline]] inline long trap_door(long nr, const uint64_t (&a)[6]) {
    if (uc_libc_door) [[unlikely]]
        return call_by_libc(nr, a);
    return system_call(nr, a);
}

// Only while the gadget page is mapped. The way there and back is by jumps: kernels with return-stack mitigations leave
// the predictor empty, and each return after a system call that was called before it costs a misprediction.
[[gnu::always_inline]] inline long through_gadget(long nr, const uint64_t (&a)[6]) {
    static_assert(wire::kGadgetAddress < 0x80000000, "the address must fit a 32-bit move");
    long result;
    register uint64_t r10 asm("r10") = a[3];
    register uint64_t r8 asm("r8") = a[4];
    register uint64_t r9 asm("r9") = a[5];
    asm volatile("leaq 1f(%%rip), %%rbx\n\tmovl %[gadget], %%ecx\n\tjmp *%%rcx\n1:"
                 : "=a"(result)
                 : "a"(nr), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8),
                   "r"(r9), [gadget] "i"(wire::kGadgetAddress)
                 : "rbx", "rcx", "r11", "memory");
    return result;
}

// A C argument as the kernel's register: pointers as they are, signed numbers sign-extended.
template <class T>
inline uint64_t to_register(T* p) {
    return reinterpret_cast<uint64_t>(p);
}
template <class T>
inline uint64_t to_register(T v) {
    return static_cast<uint64_t>(v);
}

// The shim's own calls (registration, look-ups at exec): never on the path of an interposed call.
template <class... A>
inline long own_call(long nr, A... args) {
    const uint64_t a[6] = {to_register(args)...};
    return trap_door(nr, a);
}

inline bool failed(long result) { return static_cast<unsigned long>(result) > -4096UL; }

extern "C" int* __errno_location() __attribute__((weak, visibility("default")));
extern "C" int* ___errno_location() __attribute__((weak, visibility("default")));

// What a libc wrapper returns for the kernel's result: sets errno only on failure.
inline long libc_result(long result) {
    if (!failed(result)) [[likely]]
        return result;
    int* location = __errno_location ? __errno_location() : ___errno_location ? ___errno_location() : nullptr;
    if (location) *location = static_cast<int>(-result);
    return -1;
}

inline int get_errno() { return __errno_location ? *__errno_location() : ___errno_location ? *___errno_location() : 0; }

inline void set_errno(int e) { libc_result(-e); }

}  // namespace undercoat::shim
