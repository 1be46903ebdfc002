// The syscall table against the kernel's headers and against itself.
#include "wire/local/calls.h"

#include <asm/unistd_64.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "wire/local/ring.h"

namespace undercoat::wire {
namespace {

struct Hook {
    const char* function;
    Call call;
};
#define UC_HOOK(function, call) {#function, Call::call},
constexpr Hook kHooks[] = {
#include "wire/local/hooks.gen.inc"
};
#undef UC_HOOK

TEST(Calls, NumbersAreTheKernels) {
    const std::map<std::string, int> kernel = {
#define NR(name) {#name, __NR_##name}
        NR(open), NR(openat), NR(openat2), NR(creat), NR(open_by_handle_at), NR(execve), NR(execveat), NR(clone), NR(clone3),
        NR(socket), NR(connect), NR(bind), NR(listen), NR(accept), NR(accept4), NR(sendto), NR(sendmsg), NR(sendmmsg),
        NR(unlink), NR(unlinkat), NR(rename), NR(renameat), NR(renameat2), NR(link), NR(linkat), NR(symlink), NR(symlinkat),
        NR(chmod), NR(fchmod), NR(fchmodat), NR(chown), NR(lchown), NR(fchown), NR(fchownat), NR(mkdir), NR(mkdirat), NR(rmdir),
        NR(truncate), NR(ftruncate), NR(chdir), NR(fchdir), NR(kill), NR(tkill), NR(tgkill), NR(dup), NR(dup2), NR(dup3),
        NR(fcntl), NR(exit_group), NR(arch_prctl), NR(ptrace), NR(process_vm_writev), NR(pidfd_getfd), NR(pidfd_send_signal),
        NR(prlimit64), NR(setns), NR(unshare), NR(mount), NR(umount2), NR(chroot), NR(pivot_root), NR(setuid), NR(setgid),
        NR(setreuid), NR(setresuid), NR(capset), NR(memfd_create), NR(bpf), NR(init_module), NR(finit_module),
        NR(io_uring_setup), NR(userfaultfd), NR(seccomp), NR(prctl), NR(getppid), NR(close), NR(read), NR(write),
#undef NR
    };
    std::map<std::string, int> table;
    for (const CallInfo& c : kCalls)
        if (c.x86_64 >= 0) table.emplace(c.name, c.x86_64);
    for (const auto& [name, nr] : kernel) {
        const auto it = table.find(name);
        // Two names of the kernel's are reported under Falco's.
        if (it == table.end()) {
            EXPECT_NE(call_by_nr(static_cast<uint64_t>(nr)), kNoCall) << name;
            continue;
        }
        EXPECT_EQ(it->second, nr) << name;
    }
}

TEST(Calls, LookUpsFindTheEntryOfEachNumber) {
    for (uint16_t i = 0; i < kCallCount; ++i) {
        const CallInfo& c = kCalls[i];
        if (c.x86_64 >= 0) {
            const uint16_t found = call_by_nr(static_cast<uint64_t>(c.x86_64));
            ASSERT_NE(found, kNoCall) << c.name;
            EXPECT_EQ(kCalls[found].x86_64, c.x86_64) << c.name;
            EXPECT_LE(found, i) << c.name;
        }
        if (c.i386 >= 0) {
            const uint16_t found = call_by_nr_i386(static_cast<uint64_t>(c.i386));
            ASSERT_NE(found, kNoCall) << c.name;
            EXPECT_EQ(kCalls[found].i386, c.i386) << c.name;
        }
    }
    EXPECT_EQ(call_by_nr(kCallBy_x86_64_size), kNoCall);
    EXPECT_EQ(call_by_nr(UINT64_MAX), kNoCall);
    EXPECT_EQ(call_by_nr_i386(UINT64_MAX), kNoCall);
}

// A second captured entry with the number of an earlier one could never be found.
TEST(Calls, CapturedNumbersAreUnique) {
    std::map<int, std::string> seen;
    for (const CallInfo& c : kCalls) {
        if (!captured(c) || c.x86_64 < 0) continue;
        const auto [it, fresh] = seen.emplace(c.x86_64, c.name);
        EXPECT_TRUE(fresh) << c.name << " and " << it->second;
    }
}

TEST(Calls, CapturedCallsHaveNumbersAndArguments) {
    const std::set<std::string> without_arguments = {"fork", "vfork", "setsid", "umount", "vhangup"};
    for (const CallInfo& c : kCalls) {
        if (!captured(c)) continue;
        EXPECT_TRUE(c.x86_64 >= 0 || c.i386 >= 0) << c.name;
        EXPECT_LE(c.nargs, 6) << c.name;
        EXPECT_TRUE(c.nargs != 0 || without_arguments.count(c.name)) << c.name << " says nothing of its arguments";
        for (int i = 0; i < 6; ++i) EXPECT_EQ(c.args[i] != ArgKind::none, i < c.nargs) << c.name << " argument " << i;
    }
}

TEST(Calls, FitTheBitmap) { EXPECT_LE(kCallCount, kBitmapWords * 64); }

// vfork is interposed to know its child, not to record it.
TEST(Calls, EachHookIsOneFunctionOfACapturedCall) {
    std::set<std::string> functions;
    for (const Hook& h : kHooks) {
        EXPECT_TRUE(functions.insert(h.function).second) << h.function << " stands twice";
        EXPECT_TRUE(captured(info(h.call)) || h.call == Call::vfork) << h.function << " is hooked for a call that nobody records";
    }
    for (const char* must : {"open", "open64", "openat", "__open_2", "connect", "execve", "execvp", "posix_spawn", "unlink"})
        EXPECT_TRUE(functions.count(must)) << must;
}

TEST(Calls, TheGravestAreTrappedFromAnywhere) {
    for (Call c : {Call::execve, Call::execveat, Call::exit_group, Call::arch_prctl, Call::ptrace, Call::process_vm_writev,
                   Call::pidfd_getfd, Call::setns, Call::unshare, Call::memfd_create, Call::bpf, Call::io_uring_setup,
                   Call::userfaultfd, Call::seccomp})
        EXPECT_EQ(info(c).tier, Tier::trap) << info(c).name;
}

}  // namespace
}  // namespace undercoat::wire
