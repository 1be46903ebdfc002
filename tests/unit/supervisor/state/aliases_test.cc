// Names by renames and symbolic links.
#include "supervisor/state/aliases.h"

#include <gtest/gtest.h>

namespace undercoat::state {
namespace {

using Names = std::vector<std::string>;
using Way = Aliases::Way;

TEST(Aliases, OfDirectoriesHoldForWhatIsBelow) {
    Aliases a;
    a.add(Way::link, "/tmp/a", "/tmp/b", 1);
    EXPECT_EQ(a.names_of("/tmp/a/x/y", 2), (Names{"/tmp/a/x/y", "/tmp/b/x/y"}));
    EXPECT_EQ(a.names_of("/tmp/a", 2), (Names{"/tmp/a", "/tmp/b"}));
    EXPECT_EQ(a.names_of("/tmp/ab", 2), (Names{"/tmp/ab"}));
    EXPECT_EQ(a.names_of("/tmp", 2), (Names{"/tmp"}));
}

TEST(Aliases, FollowEachOther) {
    Aliases a;
    a.add(Way::link, "/b", "/c/d", 1);
    a.add(Way::link, "/a", "/b", 2);
    a.add(Way::rename, "/c", "/e", 4);
    EXPECT_EQ(a.names_of("/a/x", 3), (Names{"/a/x", "/b/x", "/c/d/x", "/e/d/x"}));
}

TEST(Aliases, InACircleEnd) {
    Aliases a;
    a.add(Way::link, "/a", "/b", 1);
    a.add(Way::link, "/b", "/a", 2);
    EXPECT_EQ(a.names_of("/a", 9), (Names{"/a", "/b"}));
    a.add(Way::link, "/a", "/a/a", 3);
    EXPECT_EQ(a.names_of("/a", 9).size(), Aliases::kMostNames);
}

TEST(Aliases, OldOnesAreForgotten) {
    Aliases a;
    a.add(Way::link, "/first", "/x", 1);
    for (size_t i = 1; i < Aliases::kMostEntries; ++i) a.add(Way::link, "/n" + std::to_string(i), "/m", 2);
    EXPECT_EQ(a.names_of("/first", 3).size(), 2u);
    a.add(Way::link, "/last", "/m", 2);
    EXPECT_EQ(a.names_of("/first", 3).size(), 1u);
    // Of what happened before nobody knows any more.
    EXPECT_TRUE(a.doubtful("/first", 0));
    EXPECT_FALSE(a.doubtful("/first", 1));
}

TEST(Aliases, OfTheRootAndOfUnknownDirectoriesAreNone) {
    Aliases a;
    a.add(Way::link, "/", "/x", 1);
    a.add(Way::link, "<UNKNOWN>/a", "/x", 1);
    a.add(Way::link, "/a", "<UNKNOWN>/a", 1);
    a.add(Way::link, "/a", "/DIR_TOO_LONG/FILENAME_TOO_LONG", 1);
    EXPECT_EQ(a.names_of("/a", 2), (Names{"/a"}));
}

TEST(Aliases, ThatAreTooLongAreNone) {
    Aliases a;
    a.add(Way::link, "/a", "/" + std::string(600, 'b'), 1);
    EXPECT_EQ(a.names_of("/a/" + std::string(600, 'c'), 2).size(), 1u);
}

TEST(Aliases, CountForNamesOfTheirTime) {
    Aliases a;
    a.add(Way::link, "/link", "/x", 5);
    a.add(Way::rename, "/old", "/new", 5);
    EXPECT_EQ(a.names_of("/link", 4).size(), 1u) << "the link is younger";
    EXPECT_EQ(a.names_of("/link", 6).size(), 2u);
    EXPECT_EQ(a.names_of("/old", 4).size(), 2u);
    EXPECT_EQ(a.names_of("/old", 6).size(), 1u) << "another of that name";
    EXPECT_TRUE(a.doubtful("/link/below", 4));
    EXPECT_FALSE(a.doubtful("/link/below", 6));
    EXPECT_TRUE(a.doubtful("/new", 4));
    EXPECT_FALSE(a.doubtful("/old", 4));
    a.forget_links("/link");
    EXPECT_EQ(a.names_of("/link", 6).size(), 1u);
}

TEST(Aliases, OfCallsThatMayHaveFailedOnlyRaiseDoubt) {
    Aliases a;
    a.add(Way::link, "/link", "/x", 5, false);
    EXPECT_EQ(a.names_of("/link", 6).size(), 1u);
    EXPECT_TRUE(a.doubtful("/link", 4));
}

}  // namespace
}  // namespace undercoat::state
