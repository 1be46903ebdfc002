// Paths that name one file, and those that do not.
#include "supervisor/state/same_file.h"

#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>

namespace undercoat::state {
namespace {

namespace fs = std::filesystem;

TEST(SameFile, FollowsSymbolicLinks) {
    char name[] = "/tmp/undercoat-same-XXXXXX";
    const std::string dir = mkdtemp(name);
    fs::create_directory(dir + "/a");
    fs::create_directory(dir + "/b");
    fs::create_directory_symlink(dir + "/a", dir + "/link");
    // Now they are cached.
    ASSERT_TRUE(fs::exists(dir + "/link/.") && fs::exists(dir + "/b"));
    EXPECT_TRUE(same_file_now(dir + "/link", dir + "/a"));
    EXPECT_FALSE(same_file_now(dir + "/b", dir + "/a"));
    EXPECT_FALSE(same_file_now(dir + "/gone", dir + "/gone"));
    EXPECT_TRUE(same_place_now(dir + "/link/gone/x", dir + "/a/gone/x"));
    EXPECT_FALSE(same_place_now(dir + "/link/gone/x", dir + "/a/gone/y"));
    EXPECT_FALSE(same_place_now(dir + "/b/gone", dir + "/a/gone"));
    fs::remove_all(dir);
    EXPECT_FALSE(same_place_now("/gone", "/missing"));
    EXPECT_FALSE(same_place_now("", "x"));
}

}  // namespace
}  // namespace undercoat::state
