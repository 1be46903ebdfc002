// Who serves, of several that start at once.
#include "supervisor/instrument/claim.h"

#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

namespace undercoat::instrument {
namespace {

class ClaimTest : public testing::Test {
protected:
    void SetUp() override {
        char directory[] = "/tmp/undercoat-claim-XXXXXX";
        ASSERT_TRUE(mkdtemp(directory));
        directory_ = directory;
        place_ = directory_ + "/place/meet";
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }
    Claim take() {
        const char* const places[] = {"/proc/none/meet", place_.c_str()};
        return Claim::take(places);
    }
    std::string directory_, place_;
};

TEST_F(ClaimTest, TheFirstHasItAndTheOthersLearnWhereItServes) {
    Claim first = take();
    ASSERT_TRUE(first.ours());
    first.serve("/somewhere/meet");
    Claim second = take();
    EXPECT_FALSE(second.ours());
    EXPECT_EQ(second.meet(), "/somewhere/meet");
}

TEST_F(ClaimTest, EndsWithItsHolder) {
    {
        Claim first = take();
        first.serve("/somewhere/meet");
    }
    Claim next = take();
    EXPECT_TRUE(next.ours());
    EXPECT_EQ(next.meet(), "");
}

TEST_F(ClaimTest, IsOursWhereNothingCanBeWritten) {
    const char* const places[] = {"/proc/none/meet"};
    EXPECT_TRUE(Claim::take(places).ours());
}

TEST_F(ClaimTest, OneOfManyHasIt) {
    std::vector<Claim> claims(16);
    std::vector<std::thread> threads;
    for (Claim& c : claims)
        threads.emplace_back([&c, this] {
            c = take();
            if (c.ours()) c.serve("/the/one");
        });
    for (std::thread& t : threads) t.join();
    int ours = 0;
    for (const Claim& c : claims) {
        if (c.ours()) ++ours;
        else EXPECT_EQ(c.meet(), "/the/one");
    }
    EXPECT_EQ(ours, 1);
}

}  // namespace
}  // namespace undercoat::instrument
