// Falco's path rules.
#include "supervisor/state/paths.h"

#include <gtest/gtest.h>

namespace undercoat::state {
namespace {

TEST(Collapse, RemovesDotsAndDoubledSeparators) {
    EXPECT_EQ(collapse("/etc/../etc/./shadow"), "/etc/shadow");
    EXPECT_EQ(collapse("//a///b//"), "/a/b");
    EXPECT_EQ(collapse("/../.."), "/");
    EXPECT_EQ(collapse("/"), "/");
    EXPECT_EQ(collapse(""), "/");
    EXPECT_EQ(collapse("/a/..b/...c"), "/a/..b/...c");
}

TEST(Squeeze, KeepsDots) {
    EXPECT_EQ(squeeze("/etc//../etc///shadow/"), "/etc/../etc/shadow/");
    EXPECT_EQ(squeeze(""), "");
}

TEST(ArgumentPath, AbsoluteOnesAreNotCollapsed) {
    EXPECT_EQ(argument_path("/root", "/usr/../usr/bin/x"), "/usr/../usr/bin/x");
    EXPECT_EQ(argument_path("/root", "a/../b"), "/root/b");
    EXPECT_EQ(argument_path("/", "b"), "/b");
    EXPECT_EQ(argument_path("/root", ""), "/root");
}

TEST(FileName, IsAlwaysCollapsed) {
    EXPECT_EQ(file_name("/root", "/usr/../usr/bin/x"), "/usr/bin/x");
    EXPECT_EQ(file_name("/root/", "../x"), "/x");
    EXPECT_EQ(file_name("", "x"), "<UNKNOWN>/x");
    EXPECT_EQ(file_name("", "/x"), "/x");
}

TEST(TooLong, HasItsOwnName) {
    const std::string limit = "/" + std::string(kMaxFalcoPath - 2, 'x'), over = limit + "x";
    EXPECT_EQ(argument_path("/", limit), limit);
    EXPECT_EQ(argument_path("/", over), kPathTooLong);
    EXPECT_EQ(file_name("/", over), kPathTooLong);
    EXPECT_EQ(file_name(limit, "y"), kPathTooLong);
}

}  // namespace
}  // namespace undercoat::state
