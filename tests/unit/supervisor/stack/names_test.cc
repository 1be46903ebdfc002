// Names: demangled without being held up, and perf maps of any content.
#include "supervisor/stack/names.h"

#include <chrono>
#include <gtest/gtest.h>
#include <random>

namespace undercoat::stack {
namespace {

TEST(Demangled, KnowsNames) {
    EXPECT_EQ(demangled("_ZN3foo3barEv"), "foo::bar()");
    EXPECT_EQ(demangled("main"), "main");
    EXPECT_EQ(demangled("_Znonsense"), "_Znonsense");
}

TEST(Demangled, IsPrintableAndShort) {
    EXPECT_EQ(demangled("a\nb\x1b"), "a?b?");
    EXPECT_EQ(demangled(std::string(5000, 'x')).size(), kMostName);
}

// pair<T, T> of pair<T, T> of …, each named by its substitution: two to the power of thirty characters.
TEST(Demangled, IsNotHeldUpByNamesThatGrow) {
    std::string name = "_Z1fSt4pairIiiE";
    std::string last = "S_";
    for (int i = 0; i < 30; ++i) {
        name += "St4pairI" + last + last + "E";
        last = i < 10 ? "S" + std::string(1, static_cast<char>('0' + i)) + "_" : "S" + std::string(1, static_cast<char>('A' + i - 10)) + "_";
    }
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_LE(demangled(name).size(), kMostName);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(2));
}

TEST(PerfMap, FindsPlaces) {
    const PerfMap m("1000 20 first\n0x2000 10 second one\n1010 8 newer\n");
    EXPECT_EQ(m.find(0x1000)->name, "first");
    EXPECT_EQ(m.find(0x1012)->name, "newer");
    EXPECT_EQ(m.find(0x1012)->offset, 2u);
    EXPECT_EQ(m.find(0x2005)->name, "second one");
    EXPECT_FALSE(m.find(0x1020).has_value());
    EXPECT_FALSE(m.find(0).has_value());
}

TEST(PerfMap, TakesAnything) {
    std::mt19937 random(7);
    for (int i = 0; i < 200; ++i) {
        std::string text;
        for (int n = 0; n < 300; ++n) text += "0123456789abcdefx \n\xff"[random() % 20];
        PerfMap(text).find(random());
    }
    EXPECT_FALSE(PerfMap("ffffffffffffffff 10 wraps\n").find(4).has_value());
}

}  // namespace
}  // namespace undercoat::stack
