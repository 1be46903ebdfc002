// The filter against the syscall table: every number of both architectures, with and without the gadget, and each condition.
#include "supervisor/instrument/filter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <sys/syscall.h>

#include "supervisor/instrument/bpf_evaluator.h"
#include "wire/local/handover.h"

namespace undercoat::instrument {
namespace {

using wire::Call;
using wire::Tier;
using wire::When;

constexpr uint32_t kAllowed = SECCOMP_RET_ALLOW, kTrapped = SECCOMP_RET_USER_NOTIF;
constexpr int kOurs = 4711;

seccomp_data data_of(uint64_t nr, uint64_t ip = 0x401000) {
    seccomp_data d{};
    d.arch = AUDIT_ARCH_X86_64;
    d.nr = static_cast<int>(nr);
    d.instruction_pointer = ip;
    return d;
}

class Filter : public testing::Test {
protected:
    std::vector<sock_filter> full = build_filter({true, {kOurs}});
    std::vector<sock_filter> trap = build_filter({false, {kOurs}});
    uint32_t ask(Call call, std::initializer_list<uint64_t> args, uint64_t ip = 0x401000) {
        seccomp_data d = data_of(static_cast<uint64_t>(wire::info(call).x86_64), ip);
        std::copy(args.begin(), args.end(), d.args);
        return evaluate(full, d).value();
    }
    uint32_t gadget(Call call, std::initializer_list<uint64_t> args) { return ask(call, args, wire::kGadgetReturn); }
};

TEST_F(Filter, FitsTheKernel) {
    EXPECT_LE(full.size(), 4096u);
    EXPECT_LE(trap.size(), 4096u);
}

// One table for both back ends: only the action differs.
TEST_F(Filter, TracesWhatItWouldNotify) {
    const std::vector<sock_filter> traced = build_filter({true, {kOurs}, TrapAction::trace});
    for (uint64_t nr = 0; nr < 1024; ++nr)
        for (uint64_t ip : {uint64_t{0x401000}, wire::kGadgetReturn}) {
            const uint32_t notify = *evaluate(full, data_of(nr, ip)), trace = *evaluate(traced, data_of(nr, ip));
            EXPECT_EQ(trace, notify == kTrapped ? uint32_t{SECCOMP_RET_TRACE} : notify) << nr;
        }
}

TEST_F(Filter, TreatsEveryNativeNumberAsTheTableSays) {
    for (uint64_t nr = 0; nr < 1024; ++nr) {
        const uint16_t c = wire::call_by_nr(nr);
        const bool listed = c != wire::kNoCall && (wire::kCalls[c].tier == Tier::trap || wire::kCalls[c].tier == Tier::gadget);
        const seccomp_data d = data_of(nr), g = data_of(nr, wire::kGadgetReturn);
        if (!listed) {
            EXPECT_EQ(evaluate(full, d), kAllowed) << nr;
            EXPECT_EQ(evaluate(trap, d), kAllowed) << nr;
        } else if (wire::kCalls[c].when == When::always) {
            EXPECT_EQ(evaluate(full, d), kTrapped) << wire::kCalls[c].name;
            EXPECT_EQ(evaluate(trap, g), kTrapped) << wire::kCalls[c].name;
            EXPECT_EQ(evaluate(full, g), wire::kCalls[c].tier == Tier::gadget ? kAllowed : kTrapped) << wire::kCalls[c].name;
        }
    }
}

TEST_F(Filter, TrapsCapturedCallsOfTheOtherEntry) {
    for (uint64_t nr = 0; nr < 1024; ++nr) {
        seccomp_data d = data_of(nr, wire::kGadgetReturn);
        d.arch = AUDIT_ARCH_I386;
        const uint16_t c = captured_call_i386(nr);
        const bool listed = c != wire::kNoCall && wire::kCalls[c].tier != Tier::shim;
        if (!listed && nr != kSocketcallNr) {
            EXPECT_EQ(evaluate(full, d), kAllowed) << nr;
        } else if (nr == kSocketcallNr || wire::kCalls[c].when == When::always || wire::kCalls[c].tier == Tier::gadget) {
            EXPECT_EQ(evaluate(full, d), kTrapped) << nr;
        }
    }
}

TEST_F(Filter, CountsWideVariantsAsThePlainCall) {
    EXPECT_EQ(captured_call_i386(213), static_cast<uint16_t>(Call::setuid));
    EXPECT_EQ(captured_call_i386(221), static_cast<uint16_t>(Call::fcntl));
    EXPECT_EQ(captured_call_i386(5), static_cast<uint16_t>(Call::open));
    EXPECT_EQ(captured_call_i386(20), wire::kNoCall);  // getpid
}

TEST_F(Filter, TrapsX32AndUnknownArchitectures) {
    EXPECT_EQ(evaluate(full, data_of(kX32Bit | 2)), kTrapped);
    EXPECT_EQ(evaluate(full, data_of(kX32Bit | 39)), kTrapped);
    seccomp_data d = data_of(39);
    d.arch = AUDIT_ARCH_AARCH64;
    EXPECT_EQ(evaluate(full, d), kTrapped);
}

TEST_F(Filter, ComparesBothHalvesOfTheInstructionPointer) {
    EXPECT_EQ(gadget(Call::open, {}), kAllowed);
    EXPECT_EQ(ask(Call::open, {}, wire::kGadgetReturn + (1ULL << 32)), kTrapped);
    EXPECT_EQ(ask(Call::open, {}, wire::kGadgetReturn + 1), kTrapped);
}

TEST_F(Filter, HoldsTheBeginningOfStaticProgramsAlone) {
    EXPECT_EQ(uint32_t{SECCOMP_RET_USER_NOTIF}, ask(Call::arch_prctl, {0x1002, 0}, 0x401000));
    EXPECT_EQ(uint32_t{SECCOMP_RET_USER_NOTIF}, ask(Call::arch_prctl, {0x1002, 0}, 0x2aaa'aaaa'b000));  // no limit on the stack
    EXPECT_EQ(uint32_t{SECCOMP_RET_ALLOW}, ask(Call::arch_prctl, {0x1002, 0}, 0x7fff'f7fc'0000));
}

TEST_F(Filter, LeavesDirectoryDescriptorsToTheShim) {
    const uint64_t cwd = static_cast<uint32_t>(AT_FDCWD);
    for (const uint64_t at : {cwd, uint64_t{3}}) {
        EXPECT_EQ(gadget(Call::openat, {at}), kAllowed);
        EXPECT_EQ(gadget(Call::renameat2, {cwd, 0, at}), kAllowed);
        EXPECT_EQ(ask(Call::openat, {at}), kTrapped);
        EXPECT_EQ(ask(Call::renameat2, {cwd, 0, at}), kTrapped);
    }
    EXPECT_EQ(ask(Call::openat, {static_cast<uint32_t>(wire::kMagicDirfd)}), kTrapped);
}

TEST_F(Filter, AppliesEachCondition) {
    EXPECT_EQ(ask(Call::sendto, {3, 0, 0, 0, 0, 0}), kAllowed);
    EXPECT_EQ(ask(Call::sendto, {3, 0, 0, 0, 0x7fff00001000, 16}), kTrapped);
    EXPECT_EQ(ask(Call::sendto, {3, 0, 0, 0, 0x100000000, 16}), kTrapped);
    EXPECT_EQ(gadget(Call::sendto, {3, 0, 0, 0, 0x1000, 16}), kAllowed);
    EXPECT_EQ(ask(Call::prlimit, {0}), kAllowed);
    EXPECT_EQ(gadget(Call::prlimit, {1}), kTrapped);
    EXPECT_EQ(gadget(Call::dup2, {5, 2}), kTrapped);
    EXPECT_EQ(ask(Call::dup2, {5, 3}), kAllowed);
    EXPECT_EQ(gadget(Call::fcntl, {5, F_DUPFD, 0}), kTrapped);
    EXPECT_EQ(gadget(Call::fcntl, {5, F_DUPFD_CLOEXEC, 2}), kTrapped);
    EXPECT_EQ(ask(Call::fcntl, {5, F_DUPFD, 3}), kAllowed);
    EXPECT_EQ(ask(Call::fcntl, {5, F_SETFL, 0}), kAllowed);
    EXPECT_EQ(ask(Call::clone, {0x00800000}), kTrapped);
    EXPECT_EQ(ask(Call::clone, {0x01200011}), kAllowed);
    for (int64_t option : wire::kPrctlTrapped)
        EXPECT_EQ(gadget(Call::prctl, {static_cast<uint64_t>(option)}), kTrapped) << option;
    EXPECT_EQ(ask(Call::prctl, {3}), kAllowed);
}

TEST_F(Filter, TrapsKillsOfOursFromAnywhere) {
    const auto u = [](int32_t v) { return static_cast<uint64_t>(static_cast<uint32_t>(v)); };
    for (Call c : {Call::kill, Call::tkill, Call::tgkill}) {
        EXPECT_EQ(gadget(c, {u(kOurs), 9}), kTrapped);
        EXPECT_EQ(gadget(c, {u(-1), 9}), kTrapped);
        EXPECT_EQ(gadget(c, {u(-kOurs), 9}), kTrapped);
        EXPECT_EQ(ask(c, {17, 9}), kTrapped);
    }
    EXPECT_EQ(gadget(Call::tgkill, {17, 17, 9}), kAllowed);
    for (Call c : {Call::kill, Call::tkill}) EXPECT_EQ(gadget(c, {17, 9}), kTrapped);  // 17 may be a thread of ours
}

// launch.cc makes these between installing the filter and exec; a trapped one would wait for a listener nobody has yet.
TEST_F(Filter, LeavesUrgentSignalsToTheShim) {
    EXPECT_EQ(gadget(Call::kill, {17, 23}), kAllowed);
    EXPECT_EQ(ask(Call::kill, {17, 23}), kTrapped);
    for (const uint64_t signal : {0, 1, 9, 15, 17, 19, 22, 24}) EXPECT_EQ(gadget(Call::kill, {17, signal}), kTrapped) << signal;
}

TEST_F(Filter, LetsTheLaunchPass) {
    for (int nr : {SYS_sendmsg, SYS_close, SYS_write, SYS_brk, SYS_mmap, SYS_munmap, SYS_futex, SYS_rt_sigprocmask})
        EXPECT_EQ(evaluate(trap, data_of(static_cast<uint64_t>(nr))), kAllowed) << nr;
}

}  // namespace
}  // namespace undercoat::instrument
