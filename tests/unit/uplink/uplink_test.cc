// Pauses between tries, and the kept name.
#include "uplink/backoff.h"
#include "uplink/identity.h"

#include <gtest/gtest.h>
#include <filesystem>

namespace undercoat::uplink {
namespace {

TEST(Backoff, PausesGrowToTheirLimitAndBeginAnew) {
    using namespace std::chrono_literals;
    Backoff b(100ms, 1000ms, 1);
    const auto now = Backoff::Clock::now();
    std::chrono::nanoseconds longest{};
    for (int i = 0; i < 20; ++i) {
        b.failed(now);
        EXPECT_GE(b.next_try() - now, 50ms);
        EXPECT_LE(b.next_try() - now, 1000ms);
        longest = std::max(longest, std::chrono::nanoseconds(b.next_try() - now));
    }
    EXPECT_GE(longest, 500ms);
    b.worked();
    b.failed(now);
    EXPECT_LE(b.next_try() - now, 100ms);
}

TEST(Identity, IsKeptInItsDirectory) {
    std::string directory = std::filesystem::temp_directory_path() / "uplink-test-XXXXXX";
    ASSERT_NE(::mkdtemp(directory.data()), nullptr);
    EXPECT_EQ(agent_id(directory), agent_id(directory));
    EXPECT_EQ(agent_id(directory).size(), 32U);
    EXPECT_NE(agent_id(""), agent_id(""));
    std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace undercoat::uplink
