// Wait statuses as the kernel makes them, each to its meaning.
#include "supervisor/instrument/tracer/stop.h"

#include <csignal>
#include <gtest/gtest.h>
#include <sys/ptrace.h>

namespace undercoat::instrument {
namespace {

int stopped_by(int signal) { return signal << 8 | 0x7f; }
int event(int number, int signal = SIGTRAP) { return number << 16 | stopped_by(signal); }

TEST(Stop, TellsEndsWithTheirStatus) {
    for (int status : {0, 7 << 8, int{SIGKILL}, SIGSEGV | 0x80}) {
        EXPECT_EQ(decode_stop(status).kind, Stop::ended) << status;
        EXPECT_EQ(decode_stop(status).value, status);
    }
}

TEST(Stop, TellsEventsApart) {
    EXPECT_EQ(decode_stop(event(PTRACE_EVENT_SECCOMP)).kind, Stop::seccomp);
    EXPECT_EQ(decode_stop(event(PTRACE_EVENT_FORK)).kind, Stop::fork);
    EXPECT_EQ(decode_stop(event(PTRACE_EVENT_VFORK)).kind, Stop::fork);
    EXPECT_EQ(decode_stop(event(PTRACE_EVENT_CLONE)).kind, Stop::clone);
    EXPECT_EQ(decode_stop(event(PTRACE_EVENT_VFORK_DONE)).kind, Stop::vfork_done);
    EXPECT_EQ(decode_stop(event(PTRACE_EVENT_EXEC)).kind, Stop::exec);
    EXPECT_EQ(decode_stop(event(PTRACE_EVENT_EXIT)).kind, Stop::other);
    EXPECT_EQ(decode_stop(event(99)).kind, Stop::other);
}

TEST(Stop, TellsGroupStopsFromSignalsAndTraps) {
    for (int s : {SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU}) {
        EXPECT_EQ(decode_stop(event(PTRACE_EVENT_STOP, s)).kind, Stop::group) << s;
        EXPECT_EQ(decode_stop(event(PTRACE_EVENT_STOP, s)).value, s);
        // The same signal on its way to being delivered is no group stop.
        EXPECT_EQ(decode_stop(stopped_by(s)).kind, Stop::signal) << s;
    }
    EXPECT_EQ(decode_stop(event(PTRACE_EVENT_STOP)).kind, Stop::trap);
}

TEST(Stop, LeavesEverySignalToTheProgram) {
    for (int s = 1; s < 65; ++s) {
        EXPECT_EQ(decode_stop(stopped_by(s)).kind, Stop::signal) << s;
        EXPECT_EQ(decode_stop(stopped_by(s)).value, s);
    }
    // A SIGTRAP of the program's own is one of them; only the marked one is a call.
    EXPECT_EQ(decode_stop(stopped_by(SIGTRAP | 0x80)).kind, Stop::syscall);
}

}  // namespace
}  // namespace undercoat::instrument
