// Who is found, and who is left alone.
#include "supervisor/coverage/patrol.h"

#include "tests/unit/supervisor/coverage/fake_proc.h"

#include <gtest/gtest.h>

namespace undercoat::coverage {
namespace {

using event::CoverageLevel, event::CoverageReason;

constexpr uint64_t kSecond = 1'000'000'000;
constexpr const char* kShim = "7f00-7f01 r-xp 0 0:1 5 /opt/undercoat/lib/libshim.so\n";

class PatrolTest : public testing::Test {
protected:
    PatrolTest() {
        place.proc = proc.path();
        place.instrument = 11, place.supervisor = 12, place.workload = 20;
        proc.put({.pid = 10, .exe = "/opt/undercoat/bin/instrument"});
        proc.put({.pid = 11, .parent = 10, .exe = "/opt/undercoat/bin/instrument"});
        proc.put({.pid = 12, .parent = 11, .exe = "/opt/undercoat/bin/supervisor"});
        proc.put({.pid = 20, .parent = 10, .filters = 1});
    }
    // Of two looks, a second apart.
    std::vector<Finding> found() {
        auto all = patrol.look(place, now += 10 * kSecond);
        for (const Finding& f : patrol.look(place, now += 10 * kSecond)) all.push_back(f);
        return all;
    }
    FakeProc proc;
    Patrol::Place place;
    Patrol patrol;
    uint64_t now = kSecond;
};

TEST_F(PatrolTest, LeavesAloneWhatIsHeldAndWhatIsOurs) {
    proc.put({.pid = 21, .parent = 20, .filters = 1});
    proc.put({.pid = 22, .parent = 12, .exe = "/bin/sh"});
    proc.put({.pid = 23, .parent = 20, .state = "Z"});
    proc.put({.pid = 24, .parent = 20, .exe = "/opt/undercoat/bin/undercoat"});
    proc.put({.pid = 30, .parent = 1});
    EXPECT_TRUE(found().empty()) << "one of the host is none of ours";
}

TEST_F(PatrolTest, FindsWhatNoFilterHoldsOnce) {
    proc.put({.pid = 21, .parent = 20, .filters = 0});
    const auto f = found();
    ASSERT_EQ(f.size(), 1u);
    EXPECT_EQ(f[0].pid, 21);
    EXPECT_EQ(f[0].reason, CoverageReason::no_filter);
    EXPECT_EQ(f[0].level, CoverageLevel::nothing);
    EXPECT_TRUE(found().empty());
    proc.put({.pid = 21, .parent = 20, .filters = 0, .started = 200});
    EXPECT_EQ(found().size(), 1u) << "another process of that number";
}

TEST_F(PatrolTest, CountsFiltersFromOutside) {
    proc.put({.pid = 12, .parent = 11, .filters = 1, .exe = "/opt/undercoat/bin/supervisor"});
    proc.put({.pid = 20, .parent = 10, .filters = 2});
    proc.put({.pid = 21, .parent = 20, .filters = 1, .maps = kShim});
    const auto f = found();
    ASSERT_EQ(f.size(), 1u);
    EXPECT_EQ(f[0].pid, 21);
    EXPECT_EQ(f[0].level, CoverageLevel::part) << "its library speaks";
}

TEST_F(PatrolTest, LooksForTheLibraryInPreloadMode) {
    place.preload = true;
    proc.put({.pid = 20, .parent = 10, .maps = kShim});
    proc.put({.pid = 21, .parent = 20, .exe = "/bin/true"});
    proc.put({.pid = 22, .parent = 20, .exe = "/bin/true", .uid = 5, .euid = 0});
    const auto f = found();
    ASSERT_EQ(f.size(), 2u);
    EXPECT_EQ(f[0].reason, CoverageReason::library_missing);
    EXPECT_EQ(f[1].reason, CoverageReason::secure_exec);
    EXPECT_EQ(f[1].level, CoverageLevel::nothing);
}

TEST_F(PatrolTest, LooksForTheTracer) {
    place.traced = true;
    proc.put({.pid = 20, .parent = 10, .tracer = 11});
    proc.put({.pid = 21, .parent = 20, .tracer = 5});
    const auto f = found();
    ASSERT_EQ(f.size(), 1u);
    EXPECT_EQ(f[0].pid, 21);
}

TEST_F(PatrolTest, WaitsForASecondLook) {
    proc.put({.pid = 21, .parent = 20});
    EXPECT_TRUE(patrol.look(place, now += 10 * kSecond).empty());
    proc.remove(21);
    EXPECT_TRUE(patrol.look(place, now += 10 * kSecond).empty());
    EXPECT_TRUE(patrol.look(place, now + 1).empty()) << "not yet";
}

TEST(Book, TellsOnce) {
    Book b;
    EXPECT_TRUE(b.note(5, CoverageReason::masked));
    EXPECT_FALSE(b.note(5, CoverageReason::masked));
    EXPECT_TRUE(b.note(5, CoverageReason::unreadable));
    EXPECT_TRUE(b.note(6, CoverageReason::masked));
    b.forget(5);
    EXPECT_TRUE(b.note(5, CoverageReason::masked));
}

}  // namespace
}  // namespace undercoat::coverage
