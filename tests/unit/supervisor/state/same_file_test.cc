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
    fs::remove_all(dir);
}

}  // namespace
}  // namespace undercoat::state
