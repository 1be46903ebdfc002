// The time stamp counter becomes the wall clock, and lies stay within bounds.
#include "supervisor/ingest/tsc_clock.h"

#include <gtest/gtest.h>

namespace undercoat::ingest {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

// A counter of 2 GHz that reads 1000 at the time 100 s.
TscClock two_gigahertz() { return {{1000, 100 * kSecond}, {1000 + 2 * kSecond, 101 * kSecond}}; }

TEST(TscClock, InterpolatesBothWays) {
    const TscClock c = two_gigahertz();
    EXPECT_EQ(c.to_realtime(1000 + 2 * kSecond), 101 * kSecond);
    EXPECT_NEAR(static_cast<double>(c.to_realtime(1000 + 3 * kSecond)), 101.5e9, 10);
    // Before the newest sample: another processor's counter is behind.
    EXPECT_NEAR(static_cast<double>(c.to_realtime(1000)), 100e9, 10);
}

TEST(TscClock, FarStampsAreTheNewestSample) {
    const TscClock c = two_gigahertz();
    EXPECT_EQ(c.to_realtime(uint64_t{1} << 62), 101 * kSecond);
    EXPECT_EQ(c.to_realtime(uint64_t{3} << 62), 101 * kSecond);
}

TEST(TscClock, FollowsAStepOfTheWallClock) {
    TscClock c = two_gigahertz();
    c.update({1000 + 4 * kSecond, 500 * kSecond});
    EXPECT_EQ(c.to_realtime(1000 + 4 * kSecond), 500 * kSecond);
    EXPECT_NEAR(static_cast<double>(c.to_realtime(1000 + 6 * kSecond)), 501e9, 10);
}

TEST(TscClock, CalibratesOnThisMachine) {
    const TscClock c = TscClock::calibrate();
    const uint64_t stamp = read_tsc(), now = realtime_ns();
    const auto error = static_cast<int64_t>(c.to_realtime(stamp) - now);
    EXPECT_LT(std::abs(error), 5'000'000) << "ns";
}

}  // namespace
}  // namespace undercoat::ingest
