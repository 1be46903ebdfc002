// Names by renames and symbolic links.
#include "supervisor/state/aliases.h"

#include <gtest/gtest.h>

namespace undercoat::state {
namespace {

using Names = std::vector<std::string>;

TEST(Aliases, OfDirectoriesHoldForWhatIsBelow) {
    Aliases a;
    a.add("/tmp/a", "/tmp/b");
    EXPECT_EQ(a.names_of("/tmp/a/x/y"), (Names{"/tmp/a/x/y", "/tmp/b/x/y"}));
    EXPECT_EQ(a.names_of("/tmp/a"), (Names{"/tmp/a", "/tmp/b"}));
    EXPECT_EQ(a.names_of("/tmp/ab"), (Names{"/tmp/ab"}));
    EXPECT_EQ(a.names_of("/tmp"), (Names{"/tmp"}));
}

TEST(Aliases, FollowEachOther) {
    Aliases a;
    a.add("/b", "/c/d");
    a.add("/a", "/b");
    EXPECT_EQ(a.names_of("/a/x"), (Names{"/a/x", "/b/x", "/c/d/x"}));
}

TEST(Aliases, InACircleEnd) {
    Aliases a;
    a.add("/a", "/b");
    a.add("/b", "/a");
    EXPECT_EQ(a.names_of("/a"), (Names{"/a", "/b"}));
    a.add("/a", "/a/a");
    EXPECT_EQ(a.names_of("/a").size(), Aliases::kMostNames);
}

TEST(Aliases, OldOnesAreForgotten) {
    Aliases a;
    a.add("/first", "/x");
    for (size_t i = 1; i < Aliases::kMostEntries; ++i) a.add("/n" + std::to_string(i), "/m");
    EXPECT_EQ(a.names_of("/first").size(), 2u);
    a.add("/last", "/m");
    EXPECT_EQ(a.names_of("/first").size(), 1u);
}

TEST(Aliases, OfTheRootAndOfUnknownDirectoriesAreNone) {
    Aliases a;
    a.add("/", "/x");
    a.add("<UNKNOWN>/a", "/x");
    a.add("/a", "<UNKNOWN>/a");
    a.add("/a", "/DIR_TOO_LONG/FILENAME_TOO_LONG");
    EXPECT_EQ(a.names_of("/a"), (Names{"/a"}));
}

}  // namespace
}  // namespace undercoat::state
