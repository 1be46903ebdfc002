// Paths that name one file, and those that do not.
#include "supervisor/state/same_file.h"

#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>

namespace undercoat::state {
namespace {

namespace fs = std::filesystem;

bool place(const std::string& a, const std::string& b) {
    int looks = kMostLooks;
    return same_place_now(a, b, looks);
}

// What is answered from caches alone is no answer while another program renames something.
template <class Look>
bool in_some_look(Look look) {
    for (int i = 0; i < 1000; ++i)
        if (look()) return true;
    return false;
}

TEST(SameFile, FollowsSymbolicLinks) {
    char name[] = "/tmp/undercoat-same-XXXXXX";
    const std::string dir = mkdtemp(name);
    fs::create_directory(dir + "/a");
    fs::create_directory(dir + "/b");
    fs::create_directory_symlink(dir + "/a", dir + "/link");
    // Now they are cached.
    ASSERT_TRUE(fs::exists(dir + "/link/.") && fs::exists(dir + "/b"));
    EXPECT_TRUE(in_some_look([&] { return same_file_now(dir + "/link", dir + "/a"); }));
    EXPECT_FALSE(same_file_now(dir + "/b", dir + "/a"));
    EXPECT_FALSE(same_file_now(dir + "/gone", dir + "/gone"));
    EXPECT_TRUE(in_some_look([&] { return place(dir + "/link/gone/x", dir + "/a/gone/x"); }));
    EXPECT_FALSE(place(dir + "/link/gone/x", dir + "/a/gone/y"));
    EXPECT_FALSE(place(dir + "/b/gone", dir + "/a/gone"));
    EXPECT_TRUE(in_some_look([&] { return exists_now(dir + "/b"); }));
    EXPECT_FALSE(exists_now(dir + "/gone"));
    int looks = 2;
    EXPECT_FALSE(same_place_now(dir + "/link/gone/x", dir + "/a/gone/x", looks)) << "the second step is one too many";
    EXPECT_LE(looks, 0);
    fs::remove_all(dir);
    EXPECT_FALSE(place("/gone", "/missing"));
    EXPECT_FALSE(place("", "x"));
}

}  // namespace
}  // namespace undercoat::state
