// Entries, pending executions, thread groups.
#include "supervisor/instrument/process_table.h"

#include <gtest/gtest.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace undercoat::instrument {
namespace {

TEST(ProcessTable, HandsOutNewbornsOnce) {
    ProcessTable table;
    bool first = false;
    {
        auto guard = table.lock();
        for (pid_t pid : {70, 71}) {
            Process* p = table.insert(pid);
            ASSERT_NE(p, nullptr);
            p->start_time = static_cast<uint64_t>(pid) * 10;
            ASSERT_TRUE(table.note_newborn(*p, &first));
            EXPECT_EQ(first, pid == 70);
        }
        EXPECT_TRUE(table.has_newborns());
    }
    const auto& newborns = table.take_newborns();
    ASSERT_EQ(newborns.size(), 2u);
    EXPECT_EQ(newborns[1].pid, 71);
    EXPECT_EQ(newborns[1].start_time, 710u);
    EXPECT_FALSE(table.has_newborns());
    EXPECT_TRUE(table.take_newborns().empty());
}

TEST(ProcessTable, FindsWhatWasInserted) {
    ProcessTable t;
    auto guard = t.lock();
    for (int pid = 1; pid <= 5000; ++pid) ASSERT_NE(t.insert(pid), nullptr);
    for (int pid = 1; pid <= 5000; pid += 2) t.erase(pid);
    for (int pid = 1; pid <= 5000; ++pid) EXPECT_EQ(t.find(pid) != nullptr, pid % 2 == 0) << pid;
    for (int pid = 1; pid <= 5000; pid += 2) ASSERT_NE(t.insert(pid), nullptr);
    EXPECT_EQ(t.find(4999)->pid, 4999);
    t.erase(6000);
}

TEST(ProcessTable, SaysWhenItIsFull) {
    ProcessTable t;
    auto guard = t.lock();
    for (uint32_t pid = 1; pid <= kMaxProcesses; ++pid) ASSERT_NE(t.insert(static_cast<pid_t>(pid)), nullptr);
    EXPECT_EQ(t.insert(1 << 20), nullptr);
    t.erase(77);
    EXPECT_NE(t.insert(1 << 20), nullptr);
}

TEST(ProcessTable, PendingExecutionsAreReused) {
    ProcessTable t;
    auto guard = t.lock();
    for (uint32_t i = 1; i <= kMaxPendingExecs; ++i)
        ASSERT_NE(t.take_pending(*t.insert(static_cast<pid_t>(i))), nullptr);
    Process* late = t.insert(100000);
    EXPECT_EQ(t.take_pending(*late), nullptr);
    PendingExec* old = t.pending(*t.find(5));
    t.erase(5);
    EXPECT_EQ(t.take_pending(*late), old);
    EXPECT_EQ(t.take_pending(*late), old);
}

TEST(ProcessTable, KnowsThreadGroups) {
    ProcessTable t;
    EXPECT_EQ(t.group_of(getpid(), 0), getpid());
    std::thread([&] {
        EXPECT_EQ(t.group_of(gettid(), 0), getpid());
        EXPECT_EQ(t.group_of(gettid(), 1), getpid());
    }).join();
    pid_t gone = 0;
    std::thread([&] { gone = gettid(); }).join();
    t.group_of(gone, 0);
    EXPECT_EQ(t.group_of(1 << 22, 0), 0);
}

TEST(ProcessTable, ProvesThreadGroupsAgainAfterAMoment) {
    ProcessTable t;
    int to_child[2];
    ASSERT_EQ(pipe(to_child), 0);
    const pid_t child = fork();
    char byte = 0;
    if (child == 0) {
        close(to_child[1]);
        [[maybe_unused]] const ssize_t n = read(to_child[0], &byte, 1);
        _exit(0);
    }
    constexpr uint64_t kMs = 1'000'000, kStart = (uint64_t{1} << 20) * kMs - 5 * kMs;  // the kept time wraps meanwhile
    EXPECT_EQ(t.group_of(child, kStart), child);
    close(to_child[1]);
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    EXPECT_EQ(t.group_of(child, kStart + 10 * kMs), child);
    EXPECT_EQ(t.group_of(child, kStart + 30 * kMs), 0);
    close(to_child[0]);
}

TEST(ProcessTable, NamesThoseThatWaitTheOldestFirst) {
    ProcessTable t;
    auto guard = t.lock();
    for (const auto& [pid, time] : {std::pair{5, 30u}, {6, 10u}, {7, 20u}, {8, 5u}, {9, 1u}}) {
        PendingExec& e = *t.take_pending(*t.insert(pid));
        e.time = time;
        e.recorded = pid == 8;
        e.telling = pid == 9;
    }
    t.drop_pending(*t.find(7));
    using Waiting = std::vector<std::pair<uint64_t, pid_t>>;
    EXPECT_EQ(t.silent(), (Waiting{{10, 6}, {30, 5}}));
    EXPECT_TRUE(t.has_pending());
    for (const pid_t pid : {5, 6, 8, 9}) t.drop_pending(*t.find(pid));
    EXPECT_FALSE(t.has_pending());
    EXPECT_TRUE(t.silent().empty());
}

TEST(ProcessTable, KeepsAFewStatFiles) {
    ProcessTable t;
    auto guard = t.lock();
    Process& p = *t.insert(5);
    PendingExec& e = *t.take_pending(p);
    e = {};
    const int number = open("/dev/null", O_RDONLY | O_CLOEXEC);
    t.keep_stat(e, UniqueFd(number));
    EXPECT_EQ(t.take_stat(e).get(), number);
    EXPECT_FALSE(t.take_stat(e));
    const int other = open("/dev/null", O_RDONLY | O_CLOEXEC);
    t.keep_stat(e, UniqueFd(other));
    t.drop_pending(p);
    EXPECT_EQ(fcntl(other, F_GETFD), -1);
    int kept = 0;
    for (pid_t pid = 10; pid < 200; ++pid) {
        PendingExec& each = *t.take_pending(*t.insert(pid));
        each = {};
        t.keep_stat(each, UniqueFd(open("/dev/null", O_RDONLY | O_CLOEXEC)));
        kept += each.kept_stat != 0;
    }
    EXPECT_GT(kept, 10);
    EXPECT_LT(kept, 100);
    for (pid_t pid = 10; pid < 200; ++pid) t.erase(pid);
}

}  // namespace
}  // namespace undercoat::instrument
