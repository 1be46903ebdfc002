// Who was created last, as the kernel says it.
#include "supervisor/instrument/newest_process.h"

#include <cstring>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace undercoat::instrument {
namespace {

pid_t parsed(const char* text) { return last_pid(text, strlen(text)); }

TEST(NewestProcess, ReadsTheLastField) {
    EXPECT_EQ(parsed("0.20 0.18 0.12 1/80 11206\n"), 11206);
    EXPECT_EQ(parsed("0.00 0.00 0.00 0/0 0\n"), 0);
    for (const char* text : {"", "\n", "12", "0.20 0.18", "a b c d e", "0 0 0 1/80 99999999999\n", "0 0 0 1/80"})
        EXPECT_EQ(parsed(text), 0) << text;
}

// A child that has forked is not the newest any more; one that has not may be, on a machine that does nothing else.
TEST(NewestProcess, AParentNeverIs) {
    const NewestProcess newest;
    int ask[2];
    ASSERT_EQ(pipe(ask), 0);
    const pid_t child = fork();
    if (child == 0) {
        const pid_t grandchild = fork();
        if (grandchild == 0) {
            pause();
            _exit(0);
        }
        if (write(ask[1], &grandchild, sizeof grandchild) < 0) _exit(1);
        pause();
        _exit(0);
    }
    pid_t grandchild = 0;
    ASSERT_EQ(read(ask[0], &grandchild, sizeof grandchild), static_cast<ssize_t>(sizeof grandchild));
    EXPECT_FALSE(newest.is(child));
    bool ever = false;
    for (int i = 0; i < 1000 && !ever; ++i) {
        const pid_t idle = fork();
        if (idle == 0) {
            pause();
            _exit(0);
        }
        ever = newest.is(idle);
        kill(idle, SIGKILL);
        waitpid(idle, nullptr, 0);
    }
    EXPECT_TRUE(ever);
    kill(grandchild, SIGKILL);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    close(ask[0]);
    close(ask[1]);
}

}  // namespace
}  // namespace undercoat::instrument
