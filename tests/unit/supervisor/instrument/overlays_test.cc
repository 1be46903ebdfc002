// When overlays began.
#include "supervisor/instrument/overlays.h"

#include <gtest/gtest.h>
#include <string>

namespace undercoat::instrument {
namespace {

std::string overlay(int id, int minor, const char* where) {
    return std::to_string(id) + " 20 0:" + std::to_string(minor) + " / " + where + " rw,relatime shared:1 - overlay ov rw,lowerdir=l\n";
}
const std::string kRoot = "20 1 8:1 / / rw - ext4 /dev/a rw\n" + overlay(30, 44, "/image");

TEST(Overlays, AreFoundAmongMounts) {
    const std::string text = "1 0 8:1 / / rw - ext4 overlay rw\nnonsense\n" + overlay(7, 9, "/a") + "x y 0:1 / / rw - overlay o rw\n" +
                             overlay(8, 10, "/b") + "9 1 0:3 / /c rw - overlay";
    std::string_view left = text;
    OverlayMount m;
    ASSERT_TRUE(next_overlay(left, m));
    EXPECT_EQ(m.id, 7u);
    EXPECT_EQ(m.device, 9u);
    ASSERT_TRUE(next_overlay(left, m));
    EXPECT_EQ(m.id, 8u);
    EXPECT_FALSE(next_overlay(left, m));
}

struct Mounts : Overlays {
    void call(const std::string& before, uint64_t now) { see(before), note_call(now); }
};

TEST(Overlays, ThatWereThereBeganBeforeAllCalls) {
    Mounts o;
    EXPECT_FALSE(o.any());
    o.call(kRoot, 100);
    EXPECT_TRUE(o.any());
    EXPECT_EQ(o.began(kRoot, 30), 0u);
    // Of a copy in another mount name space, too.
    EXPECT_EQ(o.began(overlay(77, 44, "/"), 77), 0u);
    EXPECT_EQ(o.began(kRoot, 5), std::nullopt);
}

TEST(Overlays, BeganWithTheCallBeforeTheyWereFirstSeen) {
    Mounts o;
    o.call(kRoot, 100);
    const std::string two = kRoot + overlay(31, 45, "/two");
    EXPECT_EQ(o.began(two, 31), 100u);
    o.call(two, 200);
    EXPECT_EQ(o.began(two, 31), 100u);
    const std::string three = two + overlay(32, 46, "/three");
    o.call(three, 300);
    EXPECT_EQ(o.began(three, 32), 200u);
    EXPECT_EQ(o.newest_call(), 300u);
}

TEST(Overlays, MayBeOfAnyCallThatNoneWasFoundFor) {
    Mounts o;
    // Of another name space, or not attached yet: the next call does not see it.
    o.call(kRoot, 100);
    o.call(kRoot, 200);
    const std::string two = kRoot + overlay(31, 45, "/two");
    EXPECT_EQ(o.began(two, 31), 100u);
    // One of both calls made it; the other may have made the next one.
    const std::string three = two + overlay(32, 46, "/three");
    o.call(two, 300);
    EXPECT_EQ(o.began(three, 32), 100u);
    const std::string four = three + overlay(33, 47, "/four");
    EXPECT_EQ(o.began(four, 33), 100u);
    o.call(four, 400);
    EXPECT_EQ(o.began(four + overlay(34, 48, "/five"), 34), 400u);
}

TEST(Overlays, ThatNoCallIsLeftForAreTakenForOld) {
    Mounts o;
    o.call(kRoot, 100);
    o.see(kRoot + overlay(31, 45, "/two"));
    EXPECT_EQ(o.began(overlay(32, 46, "/three"), 32), 0u);
}

TEST(Overlays, ThatNoLongerFitAreTakenForOld) {
    Mounts o;
    std::string many;
    for (int i = 0; i < 64; ++i) o.call(many, 100), many += overlay(100 + i, 100 + i, "/m");
    o.call(many, 200);
    EXPECT_EQ(o.began(overlay(99, 99, "/n"), 99), 0u);
    EXPECT_EQ(o.began(many, 163), 100u);
}

}  // namespace
}  // namespace undercoat::instrument
