// What is read of /proc, of real processes and of made-up ones.
#include "supervisor/coverage/look.h"

#include "tests/unit/supervisor/coverage/fake_proc.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace undercoat::coverage {
namespace {

TEST(Look, KnowsItself) {
    const auto stat = read_stat("/proc", ::getpid());
    ASSERT_TRUE(stat);
    EXPECT_EQ(stat->ppid, ::getppid());
    EXPECT_TRUE(stat->alive);
    const auto held = read_held("/proc", ::getpid());
    ASSERT_TRUE(held);
    EXPECT_EQ(held->uid[1], ::geteuid());
    EXPECT_EQ(read_program("/proc", ::getpid()), Program::dynamic);
    EXPECT_EQ(read_secure("/proc", ::getpid()), false);
    ASSERT_TRUE(read_mapped("/proc", ::getpid()));
    EXPECT_FALSE(read_mapped("/proc", ::getpid())->library);
    EXPECT_EQ(same_link("/proc", ::getpid(), ::getpid(), "root"), true);
    EXPECT_FALSE(read_stat("/proc", 4194305));
    EXPECT_FALSE(read_held("/proc", 4194305));
}

TEST(Look, ReadsMadeUpFiles) {
    FakeProc proc;
    proc.put({.pid = 7, .parent = 3, .filters = 2, .maps = "7ffe0000-7ffe1000 r-xp 00000000 00:00 0\n"
                                                           "7f00-7f01 r-xp 0 0:1 5 /opt/undercoat/lib/libshim.so\n",
              .started = 555, .uid = 1000, .euid = 0, .tracer = 9});
    const auto stat = read_stat(proc.path(), 7);
    ASSERT_TRUE(stat);
    EXPECT_EQ(stat->ppid, 3);
    EXPECT_EQ(stat->start_time, 555u);
    EXPECT_EQ(stat->start_stack, 140000u);
    const auto held = read_held(proc.path(), 7);
    ASSERT_TRUE(held);
    EXPECT_EQ(held->filters, 2);
    EXPECT_EQ(held->tracer, 9);
    EXPECT_TRUE(held->alters_ids());
    const auto mapped = read_mapped(proc.path(), 7);
    ASSERT_TRUE(mapped);
    EXPECT_TRUE(mapped->library);
    EXPECT_TRUE(mapped->gadget);
    EXPECT_FALSE(mapped->ring);
}

TEST(Look, ComparesFilters) {
    Held it, outside;
    EXPECT_EQ(has_filter_beyond(it, outside), std::nullopt) << "a kernel that says nothing";
    it.seccomp = 0, outside.seccomp = 0;
    EXPECT_EQ(has_filter_beyond(it, outside), false);
    it.seccomp = 2;
    EXPECT_EQ(has_filter_beyond(it, outside), true);
    outside.seccomp = 2;
    EXPECT_EQ(has_filter_beyond(it, outside), std::nullopt) << "both have some, and nobody counts";
    it.filters = 2, outside.filters = 1;
    EXPECT_EQ(has_filter_beyond(it, outside), true);
    it.filters = 1;
    EXPECT_EQ(has_filter_beyond(it, outside), false);
}

}  // namespace
}  // namespace undercoat::coverage
