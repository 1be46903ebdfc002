// What is done before a program confines itself by prctl or seccomp: what we need of the kernel is asked for before, and
// nothing that is forbidden afterwards is done after it.
//
// Must stay true: what is not recorded any more leaves by the trap door, where a filter sees it.
#include <asm/unistd.h>

#include "libshim/emit.h"
#include "libshim/raw_syscall.h"
#include "libshim/state.h"
#include "wire/local/calls.h"

extern "C" {
__attribute__((visibility("hidden"))) int (*uc_libc_vfork)();
}

namespace undercoat::shim {
namespace {

constexpr int kPrSetSeccomp = 22, kPrSetTsc = 26, kPrSetNoNewPrivs = 38, kPrSetDumpable = 4, kPrSetSyscallUserDispatch = 59;
constexpr unsigned long kSeccompStrict = 1, kTscSigsegv = 2, kDispatchOff = 0;

// Where no trap sees the call that ends our records, it is the last of them; how it ends is not known yet.
void record_before(int option, unsigned long argument) {
    const Process* p = managed();
    constexpr auto kCall = static_cast<uint16_t>(wire::Call::prctl);
    if (!p || p->trapped || !wire::bit(p->ring.control->wanted, kCall)) return;
    const uint64_t a[6] = {to_register(option), argument};
    emit(p->ring, {wire::RecordKind::call, kCall, wire::kResultUnknown, 0, a, 5});
}

bool forbids_clock(int option, unsigned long argument) {
    return option == kPrSetTsc ? argument == kTscSigsegv : option == kPrSetSeccomp && argument == kSeccompStrict;
}

// The program runs another system's code, and takes calls for that system's that are not made where it says, which is in
// libc: there ours are made from now on.
void call_through_libc() {
    const auto vfork = libc_function("vfork");
    const auto door = libc_function("syscall");
    if (!door || !vfork) return;
    g_image.off = true;
    g_image.gadget = false;
    __atomic_store_n(&g_process, static_cast<Process*>(nullptr), __ATOMIC_RELEASE);
    uc_libc_vfork = reinterpret_cast<int (*)()>(vfork);
    __atomic_store_n(&uc_libc_door, reinterpret_cast<LibcSyscall>(door), __ATOMIC_RELEASE);
}

// By number: the calls that may be held and natively are never interrupted. No look at the table itself, which would be relocated.
constexpr auto kNeverInterrupted = [] {
    struct {
        uint64_t bits[wire::kCallBy_x86_64_size / 64 + 1];
    } held{};
    for (const wire::CallInfo& c : wire::kCalls)
        if ((c.tier == wire::Tier::gadget || c.tier == wire::Tier::trap) && c.x86_64 >= 0 && !c.interruptible)
            held.bits[c.x86_64 / 64] |= uint64_t{1} << c.x86_64 % 64;
    return held;
}();

struct Instruction {  // struct sock_filter
    uint16_t code;
    uint8_t if_true, if_false;
    uint32_t k;
};
struct Program {  // struct sock_fprog
    uint16_t size;
    const Instruction* code;
};

}  // namespace

// A filter of the same meaning; what it forbids ends the thread by SIGSYS. The kernel wants no_new_privs for it, which
// makes no difference to a program that can start no other.
long confine_strictly() {
    constexpr uint16_t kLoad = 0x20, kIfEqual = 0x15, kReturn = 0x06;
    constexpr uint32_t kX86_64 = 0xc000003e, kAllow = 0x7fff0000, kKillThread = 0, kNr = 0, kArch = 4;
    static const Instruction code[] = {
        {kLoad, 0, 0, kArch},           {kIfEqual, 0, 5, kX86_64},
        {kLoad, 0, 0, kNr},             {kIfEqual, 4, 0, __NR_read},
        {kIfEqual, 3, 0, __NR_write},   {kIfEqual, 2, 0, __NR_exit},
        {kIfEqual, 1, 0, __NR_rt_sigreturn}, {kReturn, 0, 0, kKillThread},
        {kReturn, 0, 0, kAllow},
    };
    const Program program{sizeof code / sizeof *code, code};
    if (const long r = own_call(__NR_prctl, kPrSetNoNewPrivs, 1, 0, 0, 0); failed(r)) return r;
    return own_call(__NR_prctl, kPrSetSeccomp, 2, &program, 0, 0);
}

void set_clock(bool allowed) {
    g_image.no_clock = !allowed;
    if (const Process* p = managed()) __atomic_store_n(&p->ring.control->no_clock, uint32_t{!allowed}, __ATOMIC_RELAXED);
}

[[gnu::noinline]] long call_by_libc(long nr, const uint64_t (&a)[6]) {
    const int before = get_errno();
    const long r = uc_libc_door(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (r != -1) return r;
    const int e = get_errno();
    set_errno(before);
    return -e;
}

}  // namespace undercoat::shim

using namespace undercoat;
using namespace undercoat::shim;

extern "C" {
__attribute__((visibility("hidden"))) LibcSyscall uc_libc_door;

// Called by syscall.S.
long uc_syscall_failed(long result) { return libc_result(result); }

// Called by syscall.S: whether what came back with EINTR natively never does, and was interrupted while it waited for its trap.
__attribute__((visibility("hidden"))) bool uc_syscall_again(long nr) {
    const auto n = static_cast<uint64_t>(nr);
    return n < wire::kCallBy_x86_64_size && kNeverInterrupted.bits[n / 64] >> n % 64 & 1 && calls_are_held();
}

// In a vfork child it concerns that child only, which says nothing more.
void uc_before_prctl(int option, unsigned long argument) {
    if (t_in_vfork_child) {
        if (option == kPrSetSeccomp || option == kPrSetSyscallUserDispatch || forbids_clock(option, argument)) t_in_vfork_child |= kSealedChild;
        return;
    }
    if (option == kPrSetSeccomp || option == kPrSetNoNewPrivs) {
        enlist_now();  // what seals itself afterwards may do so unseen
        if (option == kPrSetSeccomp) {
            g_image.off = true;  // in its children either
            end_words();
        }
    }
    if (option == kPrSetDumpable && argument == 0) speak_for_ourselves();
    if (option == kPrSetSyscallUserDispatch && argument != kDispatchOff) {
        record_before(option, argument);
        call_through_libc();
    }
    if (!forbids_clock(option, argument) || g_image.no_clock) return;
    record_before(option, argument);
    set_clock(false);
}
}
