// See stopped_call.h.
#include "supervisor/instrument/tracer/stopped_call.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <linux/audit.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

namespace undercoat::instrument {
namespace {

constexpr unsigned long long kCompatSegment = 0x23;
constexpr long kInt80 = 0x80cd;  // the bytes cd 80
constexpr unsigned kRedZone = 128;

long get_info(pid_t tid, __ptrace_syscall_info& i) { return ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof i, &i); }

bool get(pid_t tid, user_regs_struct& r) { return ptrace(PTRACE_GETREGS, tid, nullptr, &r) == 0; }
bool set(pid_t tid, const user_regs_struct& r) { return ptrace(PTRACE_SETREGS, tid, nullptr, &r) == 0; }

// A 64-bit program may enter by int 0x80 too: the instruction says so.
bool entered_as_i386(pid_t tid, const user_regs_struct& r) {
    if (r.cs == kCompatSegment) return true;
    errno = 0;
    const long code = ptrace(PTRACE_PEEKTEXT, tid, r.rip - 2, nullptr);
    return errno == 0 && (code & 0xffff) == kInt80;
}

void from_registers(const user_regs_struct& r, bool i386, Trap& t) {
    t.arch = i386 ? AUDIT_ARCH_I386 : AUDIT_ARCH_X86_64;
    t.nr = static_cast<uint32_t>(r.orig_rax);
    t.ip = r.rip;
    const uint64_t native[6] = {r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9};
    const uint64_t compat[6] = {r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.rbp};
    std::copy(i386 ? compat : native, (i386 ? compat : native) + 6, t.args);
}

}  // namespace

bool StoppedCall::entry(pid_t tid, Trap& t) const {
    if (syscall_info_) {
        __ptrace_syscall_info i{};
        if (get_info(tid, i) <= 0) return false;
        if (i.op != PTRACE_SYSCALL_INFO_ENTRY && i.op != PTRACE_SYSCALL_INFO_SECCOMP) return false;
        t.arch = i.arch;
        t.ip = i.instruction_pointer;
        t.nr = static_cast<uint32_t>(i.entry.nr);
        static_assert(offsetof(__ptrace_syscall_info, entry.args) ==
                      offsetof(__ptrace_syscall_info, seccomp.args));
        std::copy(i.entry.args, i.entry.args + 6, t.args);
        return true;
    }
    user_regs_struct r;
    if (!get(tid, r)) return false;
    from_registers(r, entered_as_i386(tid, r), t);
    return true;
}

Side StoppedCall::side(pid_t tid, int64_t& result) const {
    if (!syscall_info_) return Side::unknown;
    __ptrace_syscall_info i{};
    if (get_info(tid, i) <= 0) return Side::unknown;
    if (i.op == PTRACE_SYSCALL_INFO_EXIT) {
        result = i.exit.rval;
        return Side::exit;
    }
    return i.op == PTRACE_SYSCALL_INFO_ENTRY ? Side::entry : Side::unknown;
}

bool StoppedCall::result(pid_t tid, int64_t& result) const {
    user_regs_struct r;
    if (!get(tid, r)) return false;
    result = static_cast<int64_t>(r.rax);
    if (r.cs == kCompatSegment) result = static_cast<int32_t>(r.rax);
    return true;
}

bool StoppedCall::skip(pid_t tid) {
    user_regs_struct r;
    if (!get(tid, r)) return false;
    r.orig_rax = ~0ULL;
    return set(tid, r);
}

bool StoppedCall::set_result(pid_t tid, int64_t result) {
    user_regs_struct r;
    if (!get(tid, r)) return false;
    r.rax = static_cast<unsigned long long>(result);
    return set(tid, r);
}

bool StoppedCall::clear_flags(pid_t tid, uint64_t bits) {
    user_regs_struct r;
    if (!get(tid, r)) return false;
    (r.cs == kCompatSegment ? r.rbx : r.rdi) &= ~bits;
    return set(tid, r);
}

// The name lies below what the program may use of its stack (the shim is the only caller, and keeps the red zone).
bool StoppedCall::begin_memfd(pid_t tid, const char* name, unsigned flags, user_regs_struct& before) {
    if (!get(tid, before)) return false;
    const size_t n = strlen(name) + 1;
    const unsigned long long at = (before.rsp - kRedZone - n) & ~7ULL;
    for (size_t done = 0; done < n; done += sizeof(long)) {
        long word = 0;
        memcpy(&word, name + done, std::min(sizeof word, n - done));
        if (ptrace(PTRACE_POKEDATA, tid, at + done, word) != 0) return false;
    }
    user_regs_struct r = before;
    r.orig_rax = SYS_memfd_create;
    r.rdi = at;
    r.rsi = flags;
    return set(tid, r);
}

bool StoppedCall::end_memfd(pid_t tid, const user_regs_struct& before, int64_t result) {
    user_regs_struct r = before;
    r.rax = static_cast<unsigned long long>(result);
    r.orig_rax = ~0ULL;  // nothing to restart
    return set(tid, r);
}

}  // namespace undercoat::instrument
