// One thread's stops, in the orders in which kernels give them, and what each leads to.
#include "supervisor/instrument/tracer/tracee.h"

#include <csignal>
#include <gtest/gtest.h>

namespace undercoat::instrument {
namespace {

constexpr TraceRules kFiltered{}, kOldKernel{false, true}, kEveryCall{true, false};

Step take(Tracee& t, Stop::Kind kind, const TraceRules& rules, Side side = Side::unknown, int value = 0) {
    return step(t, {kind, value}, side, rules);
}

TEST(Tracee, HoldsAFilteredCallUntilItsAnswer) {
    Tracee t;
    const Step s = take(t, Stop::seccomp, kFiltered);
    EXPECT_EQ(s.tell, Step::entry);
    EXPECT_EQ(s.resume, Resume::nothing);
    answered(t, false);
    EXPECT_EQ(onward(t, kFiltered), Resume::go);
}

TEST(Tracee, TellsTheEndThatWasAskedFor) {
    for (Side side : {Side::unknown, Side::exit}) {
        Tracee t;
        take(t, Stop::seccomp, kFiltered);
        answered(t, true);
        EXPECT_EQ(onward(t, kFiltered), Resume::to_syscall);
        const Step s = take(t, Stop::syscall, kFiltered, side);
        EXPECT_EQ(s.tell, Step::exit);
        EXPECT_EQ(s.resume, Resume::nothing);
        answered(t, false);
        EXPECT_EQ(onward(t, kFiltered), Resume::go);
    }
}

// Events and signals come between a call's entry and its end: the end must still be told.
TEST(Tracee, AwaitsTheEndAcrossOtherStops) {
    Tracee t;
    take(t, Stop::seccomp, kFiltered);
    answered(t, true);
    for (Stop::Kind kind : {Stop::fork, Stop::clone, Stop::vfork_done, Stop::trap, Stop::other})
        EXPECT_EQ(take(t, kind, kFiltered).resume, Resume::to_syscall) << kind;
    EXPECT_EQ(take(t, Stop::signal, kFiltered, Side::unknown, SIGUSR1).resume, Resume::to_syscall);
    EXPECT_EQ(take(t, Stop::syscall, kFiltered).tell, Step::exit);
}

// Kernels before 4.8 make the entry stop after the seccomp stop.
TEST(Tracee, PassesTheEntryStopOfOldKernels) {
    for (Side known : {Side::unknown, Side::entry}) {
        Tracee t;
        take(t, Stop::seccomp, kOldKernel);
        answered(t, true);
        const Step first = take(t, Stop::syscall, kOldKernel, known);
        EXPECT_EQ(first.tell, Step::nobody);
        EXPECT_EQ(first.resume, Resume::to_syscall);
        EXPECT_EQ(take(t, Stop::syscall, kOldKernel, known == Side::entry ? Side::exit : known).tell, Step::exit);
    }
    // Nobody asked for the end: there will be no entry stop, and the next call is one of its own.
    Tracee t;
    take(t, Stop::seccomp, kOldKernel);
    answered(t, false);
    EXPECT_EQ(take(t, Stop::seccomp, kOldKernel).tell, Step::entry);
}

TEST(Tracee, StopsTwiceAtEveryCallWithoutAFilter) {
    for (bool known : {false, true}) {
        Tracee t;
        const Step in = take(t, Stop::syscall, kEveryCall, known ? Side::entry : Side::unknown);
        EXPECT_EQ(in.tell, Step::entry);
        EXPECT_EQ(in.resume, Resume::to_syscall);
        const Step out = take(t, Stop::syscall, kEveryCall, known ? Side::exit : Side::unknown);
        EXPECT_EQ(out.tell, Step::nobody);
        EXPECT_EQ(out.resume, Resume::to_syscall);
        take(t, Stop::syscall, kEveryCall, known ? Side::entry : Side::unknown);
        answered(t, true);
        EXPECT_EQ(take(t, Stop::syscall, kEveryCall, known ? Side::exit : Side::unknown).tell, Step::exit);
    }
}

// The kernel's word corrects the count: a new thread may begin with the end of its parent's clone.
TEST(Tracee, BelievesTheKernelAboutTheSide) {
    Tracee t;
    EXPECT_EQ(take(t, Stop::syscall, kEveryCall, Side::exit).tell, Step::nobody);
    EXPECT_EQ(take(t, Stop::syscall, kEveryCall, Side::entry).tell, Step::entry);
}

TEST(Tracee, PassesSignalsAsTheyCame) {
    Tracee t;
    for (int s : {SIGTRAP, SIGSTOP, SIGSEGV, SIGCONT, SIGRTMIN + 3}) {
        const Step step = take(t, Stop::signal, kFiltered, Side::unknown, s);
        EXPECT_EQ(step.signal, s);
        EXPECT_EQ(step.resume, Resume::go);
        EXPECT_EQ(step.tell, Step::nobody);
    }
}

TEST(Tracee, ListensInAGroupStop) {
    Tracee t;
    EXPECT_EQ(take(t, Stop::group, kFiltered, Side::unknown, SIGTSTP).resume, Resume::listen);
    EXPECT_EQ(take(t, Stop::trap, kFiltered).resume, Resume::go);
    EXPECT_EQ(take(t, Stop::group, kEveryCall, Side::unknown, SIGTSTP).resume, Resume::listen);
    EXPECT_EQ(take(t, Stop::trap, kEveryCall).resume, Resume::to_syscall);
}

TEST(Tracee, GoesOnAsTheLeaderAfterExec) {
    Tracee leader{.tid = 10, .held = 7}, thread{.tid = 11, .awaits_exit = true, .inside = true};
    becomes_leader(leader, thread);
    EXPECT_EQ(leader.tid, 10);
    EXPECT_EQ(leader.held, 0u);
    EXPECT_TRUE(leader.awaits_exit);
    const Step s = take(leader, Stop::exec, kFiltered);
    EXPECT_EQ(s.tell, Step::executed);
    EXPECT_EQ(s.resume, Resume::nothing);
    answered(leader, false);
    EXPECT_EQ(onward(leader, kFiltered), Resume::go);
    // In the mode of every call the end of the execve still comes.
    leader.inside = true;
    EXPECT_EQ(take(leader, Stop::syscall, kEveryCall).tell, Step::nobody);
    EXPECT_EQ(take(leader, Stop::syscall, kEveryCall).tell, Step::entry);
}

TEST(Tracee, EndsAtAnyMoment) {
    Tracee t;
    take(t, Stop::seccomp, kFiltered);
    const Step s = take(t, Stop::ended, kFiltered, Side::unknown, SIGKILL);
    EXPECT_EQ(s.tell, Step::gone);
    EXPECT_EQ(s.resume, Resume::nothing);
}

}  // namespace
}  // namespace undercoat::instrument
