// Entries, pending executions, thread groups.
#include "supervisor/instrument/process_table.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
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
    EXPECT_EQ(t.group_of(getpid()), getpid());
    std::thread([&] {
        EXPECT_EQ(t.group_of(gettid()), getpid());
        EXPECT_EQ(t.group_of(gettid()), getpid());
    }).join();
    pid_t gone = 0;
    std::thread([&] { gone = gettid(); }).join();
    t.group_of(gone);
    EXPECT_EQ(t.group_of(1 << 22), 0);
}

}  // namespace
}  // namespace undercoat::instrument
