// The environment of the workload, and how our additions are taken out of what is recorded.
#include "supervisor/instrument/launch.h"

#include <gtest/gtest.h>

#include "supervisor/instrument/procinfo.h"

namespace undercoat::instrument {
namespace {

using Words = std::vector<std::string>;

Words add(Words given, const std::string& shim, const std::string& meet) {
    std::vector<char*> environment;
    for (std::string& s : given) environment.push_back(s.data());
    environment.push_back(nullptr);
    return with_additions(environment.data(), shim, meet);
}

std::string block_of(const Words& words) {
    std::string b;
    for (const std::string& w : words) b += w + '\0';
    return b;
}

std::string stripped(const Words& words) {
    std::string b = block_of(words);
    b.resize(strip_additions(b.data(), b.size()));
    return b;
}

TEST(Launch, AddsAndTakesBackAWholePreload) {
    const Words given{"A=1", "PATH=/bin"};
    const Words got = add(given, "/o/lib.so", "");
    EXPECT_EQ(got, (Words{"A=1", "PATH=/bin", "LD_PRELOAD=/o/lib.so", "UNDERCOAT_ADDED=p"}));
    EXPECT_EQ(stripped(got), block_of(given));
}

TEST(Launch, AppendsToAnotherPreload) {
    const Words given{"LD_PRELOAD=/x.so", "B=2"};
    const Words got = add(given, "/o/lib.so", "/run/meet");
    EXPECT_EQ(got, (Words{"LD_PRELOAD=/x.so:/o/lib.so", "B=2", "UNDERCOAT_MEET=/run/meet", "UNDERCOAT_ADDED=am"}));
    EXPECT_EQ(stripped(got), block_of(given));
}

TEST(Launch, WithoutAShimNothingIsAdded) { EXPECT_EQ(add({"A=1"}, "", "/m"), Words{"A=1"}); }

TEST(Launch, WithoutAMarkerNothingIsTaken) {
    const Words given{"LD_PRELOAD=/x.so", "UNDERCOAT_MEET=/m", "C=3"};
    EXPECT_EQ(stripped(given), block_of(given));
}

TEST(Launch, TheMeetingPlaceAloneIsTakenOutAgain) {
    const Words given{"LD_PRELOAD=/x.so", "UNDERCOAT_MEET=/m", "UNDERCOAT_ADDED=m", "C=3"};
    EXPECT_EQ(stripped(given), block_of({"LD_PRELOAD=/x.so", "C=3"}));
    EXPECT_EQ(stripped({"LD_PRELOAD=/x.so", "UNDERCOAT_ADDED="}), block_of({"LD_PRELOAD=/x.so"}));
}

TEST(Launch, HostileBlocksAreBounded) {
    for (std::string b : {std::string("UNDERCOAT_ADDED="), std::string("UNDERCOAT_ADDED=a\0LD_PRELOAD=", 29), std::string(3, '\0'),
                          std::string("LD_PRELOAD=x")}) {
        const size_t n = strip_additions(b.data(), b.size());
        EXPECT_LE(n, b.size());
    }
}

}  // namespace
}  // namespace undercoat::instrument
