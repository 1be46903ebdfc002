// Which files are opened: plain ones, of file systems that no process serves.
#include "supervisor/stack/open_file.h"

#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace undercoat::stack {
namespace {

TEST(IsServed, ReadsMountTables) {
    const std::string table = "22 1 0:21 / /proc rw - proc proc rw\n30 1 0:45 / /mnt rw,nosuid shared:3 - fuse.sshfs host rw\n"
                              "31 1 0:46 / / rw - overlay overlay rw,lowerdir=/a\n";
    EXPECT_TRUE(is_served(table, 0, 45));
    EXPECT_FALSE(is_served(table, 0, 46));
    EXPECT_TRUE(is_served(table, 0, 4)) << "a device that is not known may be anything";
    EXPECT_TRUE(is_served("", 0, 46));
    EXPECT_TRUE(is_served(" - \n0:46", 0, 46));
}

class OpenPlain : public testing::Test {
protected:
    void SetUp() override {
        char name[] = "/tmp/stacks-unit-XXXXXX";
        directory_ = ::mkdtemp(name);
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }
    std::string directory_;
};

TEST_F(OpenPlain, OpensFiles) {
    const std::string path = directory_ + "/file";
    std::fclose(std::fopen(path.c_str(), "w"));
    struct stat st;
    ASSERT_EQ(::stat(path.c_str(), &st), 0);
    FileId id;
    EXPECT_TRUE(open_plain(0, path, id));
    EXPECT_EQ(id.ino, st.st_ino);
    EXPECT_TRUE(open_plain(::getpid(), path, id));
}

TEST_F(OpenPlain, LeavesOthersAlone) {
    const std::string fifo = directory_ + "/fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    FileId id;
    EXPECT_FALSE(open_plain(0, fifo, id));
    EXPECT_FALSE(open_plain(0, directory_, id));
    EXPECT_FALSE(open_plain(0, "/dev/null", id));
    EXPECT_FALSE(open_plain(0, "relative", id));
    EXPECT_FALSE(open_plain(0, "", id));
    EXPECT_FALSE(open_plain(0, directory_ + "/none", id));
}

}  // namespace
}  // namespace undercoat::stack
