// Messages with descriptors, between the ends of a pair.
#include "base/descriptor_message.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace undercoat {
namespace {

class DescriptorMessage : public testing::Test {
protected:
    void SetUp() override {
        int pair[2];
        ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        here.reset(pair[0]);
        there.reset(pair[1]);
    }
    UniqueFd here, there;
    char text[8] = {};
};

TEST_F(DescriptorMessage, CarriesOneCloseOnExec) {
    const UniqueFd null(open("/dev/null", O_RDONLY));
    const int number = null.get();
    ASSERT_TRUE(send_with_descriptors(here.get(), "word", 4, &number, 1));
    UniqueFd got;
    EXPECT_EQ(receive_with_descriptor(there.get(), text, sizeof text, got), 4);
    struct stat sent, come;
    ASSERT_EQ(fstat(number, &sent), 0);
    ASSERT_EQ(fstat(got.get(), &come), 0);
    EXPECT_EQ(sent.st_rdev, come.st_rdev);
    EXPECT_EQ(fcntl(got.get(), F_GETFD), FD_CLOEXEC);
}

TEST_F(DescriptorMessage, WithoutOneTheLastIsGone) {
    UniqueFd got(open("/dev/null", O_RDONLY));
    ASSERT_TRUE(send_with_descriptors(here.get(), "word", 4, nullptr, 0));
    EXPECT_EQ(receive_with_descriptor(there.get(), text, sizeof text, got), 4);
    EXPECT_FALSE(got);
}

// What a peer sends beyond the one that is wanted must not stay open here.
TEST_F(DescriptorMessage, MoreThanOneLeavesNoneBehind) {
    const int one = here.get(), many[] = {one, one, one};
    const int next = dup(one);
    close(next);
    ASSERT_TRUE(send_with_descriptors(one, "word", 4, many, 3));
    {
        UniqueFd got;
        EXPECT_EQ(receive_with_descriptor(there.get(), text, sizeof text, got), 4);
        EXPECT_TRUE(got);
        const int again = dup(one);
        EXPECT_EQ(again, next + 1);
        close(again);
    }
}

TEST_F(DescriptorMessage, SaysWhyNot) {
    const int many[kMostDescriptors + 1] = {};
    EXPECT_FALSE(send_with_descriptors(here.get(), "word", 4, many, kMostDescriptors + 1));
    EXPECT_EQ(errno, EINVAL);
    there.reset();
    EXPECT_FALSE(send_with_descriptors(here.get(), "word", 4, nullptr, 0));
    EXPECT_EQ(errno, EPIPE);
    UniqueFd got;
    EXPECT_EQ(receive_with_descriptor(here.get(), text, sizeof text, got), 0);
}

}  // namespace
}  // namespace undercoat
