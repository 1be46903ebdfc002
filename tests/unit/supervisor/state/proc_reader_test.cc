// /proc of this very process, and made-up ones.
#include "supervisor/state/proc_reader.h"
#include "supervisor/state/state.h"

#include "supervisor/event/json.h"

#include <atomic>
#include <fcntl.h>
#include <future>
#include <gtest/gtest.h>
#include <sched.h>
#include <thread>
#include <sys/wait.h>
#include <unistd.h>

namespace undercoat::state {
namespace {

TEST(ProcReader, ReadsThisProcess) {
    const auto t = read_process("", getpid(), 8192);
    ASSERT_TRUE(t);
    EXPECT_EQ(t->ppid, getppid());
    EXPECT_EQ(t->pgid, getpgrp());
    EXPECT_EQ(t->sid, getsid(0));
    EXPECT_EQ(t->uid, geteuid());
    EXPECT_EQ(t->comm, "state_tests");
    EXPECT_NE(t->image->exepath.find("state_tests"), std::string::npos);
    EXPECT_NE(t->image->exe_mtime, 0u);
    EXPECT_NE(t->clone_ts, 0u);
    char cwd[4096];
    EXPECT_EQ(t->cwd, getcwd(cwd, sizeof cwd));
}

TEST(ProcReader, ReadsDescriptors) {
    const int fd = open("/dev/null", O_RDONLY);
    bool found = false;
    for (const auto& [number, info] : read_fds("", getpid(), 1000)) found = found || (number == fd && info.name == "/dev/null");
    EXPECT_TRUE(found);
    close(fd);
}

TEST(ProcReader, ThreadsThatHaveEndedAreForgotten) {
    State state{Options{}};
    event::Event e;
    const std::string pid = std::to_string(getpid());
    const auto speak = [&](int64_t tid) {
        ASSERT_TRUE(event::parse_json(R"({"type":"getuid","pid":)" + pid + R"(,"tid":)" + std::to_string(tid) + "}", e));
        state.apply(e);
        state.finish();
    };
    std::atomic<pid_t> living = 0;
    std::promise<void> end;
    std::thread other([&] {
        living = gettid();
        end.get_future().wait();
    });
    while (living == 0) sched_yield();
    speak(living);
    for (int64_t i = 1; i < 5000; ++i) speak((1 << 29) + i);  // no such threads
    for (int64_t i = 1; i < 5000; ++i) {  // CLONE_THREAD
        const std::string tid = std::to_string((1 << 28) + i);
        ASSERT_TRUE(event::parse_json(R"({"type":"clone","pid":)" + pid + R"(,"params":{"res":)" + tid + R"(,"flags":8192}})", e));
        state.apply(e);
        state.finish();
    }
    EXPECT_NE(state.thread(living), nullptr);
    EXPECT_LT(state.thread(getpid())->nthreads, 500u);
    EXPECT_EQ(state.counters().refused_threads, 0u);
    end.set_value();
    other.join();
}

TEST(ProcReader, WhatIsGoneIsNothing) {
    EXPECT_FALSE(read_process("", 1 << 30, 8192));
    EXPECT_TRUE(read_fds("", 1 << 30, 10).empty());
    EXPECT_EQ(read_comm("", 1 << 30, 1), "");
}

TEST(ProcReader, CgroupsInFalcosForm) {
    EXPECT_EQ(cgroups_from_proc("5:cpu,cpuacct:/a\n0::/b\nbroken\n"), std::string("cpu,cpuacct=/a\0unified=/b\0", 26));
}

TEST(ProcReader, SplitsVectors) {
    EXPECT_EQ(split_nul(std::string("a\0\0b\0", 5), 100), (std::vector<std::string>{"a", "", "b"}));
    EXPECT_EQ(split_nul("abc", 2), (std::vector<std::string>{"ab"}));
    EXPECT_TRUE(split_nul("", 10).empty());
}

TEST(Scan, FindsDescendantsAndTakesTheirParentAtBirth) {
    int ready[2];
    ASSERT_EQ(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        const pid_t grandchild = fork();
        if (grandchild == 0) {
            pause();
            _exit(0);
        }
        if (write(ready[1], &grandchild, sizeof grandchild) < 0) _exit(1);
        pause();
        _exit(0);
    }
    pid_t grandchild = 0;
    ASSERT_EQ(read(ready[0], &grandchild, sizeof grandchild), static_cast<ssize_t>(sizeof grandchild));
    State s{Options{}};
    const int64_t roots[] = {child};
    s.scan(roots);
    ASSERT_NE(s.thread(child), nullptr);
    ASSERT_NE(s.thread(grandchild), nullptr);
    EXPECT_EQ(s.parent(*s.thread(grandchild))->pid, child);
    EXPECT_EQ(s.thread(getpid()), nullptr);
    EXPECT_NE(s.thread(grandchild)->fd(ready[0]), nullptr);
    kill(grandchild, SIGKILL);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    close(ready[0]), close(ready[1]);
}

// The look finds of one that has ended no more than its name, and of one that lives what it did later than what is told next.
TEST(Scan, WhatIsToldOfABirthGoesBeforeALaterLook) {
    const pid_t child = fork();
    if (child == 0) _exit(0);
    siginfo_t end;
    ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &end, WEXITED | WNOWAIT), 0);
    State s{Options{}};
    const int64_t roots[] = {getpid()};
    s.scan(roots);
    ASSERT_NE(s.thread(child), nullptr);
    event::Event e;
    const auto told = [&](pid_t pid, pid_t parent, const char* more) {
        const std::string text = R"({"kind":"birth","type":"clone","origin":"notify","pid":)" + std::to_string(pid) + R"(,"result":)" +
                                 std::to_string(parent) + more + "}";
        ASSERT_TRUE(event::parse_json(text, e));
        s.apply(e);
        s.finish();
    };
    told(getpid(), getppid(), R"(,"captured":{"comm":"first","cwd":"/where/it/began","exe":"/bin/first","argv":{"list":["first","a"]}})");
    EXPECT_EQ(s.thread(getpid())->cwd, "/where/it/began");
    EXPECT_EQ(s.thread(getpid())->cmdline(), "first a");
    told(child, getpid(), R"(,"captured":{"comm":"first"})");
    EXPECT_EQ(s.thread(child)->cwd, "/where/it/began");
    EXPECT_EQ(s.thread(child)->image->exepath, "/bin/first");
    EXPECT_EQ(s.thread(child)->cmdline(), "first a");
    waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace undercoat::state
