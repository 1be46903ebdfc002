// Rights out of /proc/PID/status, and borrowing them.
#include "supervisor/instrument/credentials.h"

#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

namespace undercoat::instrument {
namespace {

constexpr char kStatus[] = "Name:\tx\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t10 20 \nCapEff:\t00000000a80425fb\n";

TEST(Credentials, AreParsed) {
    Credentials c;
    ASSERT_TRUE(parse_credentials(kStatus, c));
    EXPECT_EQ(c.uid, 1u);
    EXPECT_EQ(c.euid, 2u);
    EXPECT_EQ(c.suid, 3u);
    EXPECT_EQ(c.fsuid, 4u);
    EXPECT_EQ(c.fsgid, 8u);
    EXPECT_EQ(c.group_count, 2u);
    EXPECT_TRUE(c.in_group(20) && c.in_group(8) && !c.in_group(9));
    EXPECT_TRUE(c.has(kCapSetuid));
    EXPECT_FALSE(c.has(kCapSysAdmin));
    EXPECT_FALSE(parse_credentials("Name:\tx\n", c));
}

TEST(Credentials, ManyGroupsAreSaid) {
    std::string text = "x\nUid:\t0\t0\t0\t0\nGroups:\t";
    for (int i = 0; i < 40; ++i) text += std::to_string(i) + " ";
    Credentials c;
    ASSERT_TRUE(parse_credentials((text + "\n").c_str(), c));
    EXPECT_EQ(c.group_count, 33u);
}

TEST(Credentials, BorrowedOnesAreOfThisThreadAndGivenBack) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root to act for another user";
    Credentials who;
    who.fsuid = who.fsgid = 65534;
    {
        BorrowedRights rights(who);
        ASSERT_TRUE(rights.borrowed());
        Credentials now;
        ASSERT_TRUE(read_credentials(gettid(), now));
        EXPECT_EQ(now.fsuid, 65534u);
        EXPECT_EQ(now.effective & 2, 0u);
        std::thread([] {
            Credentials other;
            ASSERT_TRUE(read_credentials(getpid(), other));
        }).join();
    }
    Credentials after;
    ASSERT_TRUE(read_credentials(gettid(), after));
    EXPECT_EQ(after.fsuid, 0u);
    EXPECT_EQ(after.fsgid, getegid());
    EXPECT_NE(after.effective & 2, 0u);
}

}  // namespace
}  // namespace undercoat::instrument
