// Hashes of executed files: right ones, none of another file, and no wait without end.
#include "supervisor/fields/file_hashes.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace undercoat::fields {
namespace {

namespace fs = std::filesystem;
constexpr char kOfAbc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";  // FIPS 180-2, B.1

class FileHashesTest : public ::testing::Test {
protected:
    FileHashesTest() {
        char name[] = "/tmp/uc-hashes-XXXXXX";
        root_ = ::mkdtemp(name);
    }
    ~FileHashesTest() override { fs::remove_all(root_); }

    void write(const std::string& path, std::string_view content) { std::ofstream(root_ + path) << content; }
    ExecutedFile file(std::string_view path) {
        struct stat s{};
        EXPECT_EQ(0, ::stat((root_ + std::string(path)).c_str(), &s));
        const auto ns = [](const timespec& t) { return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec); };
        return {0, path, s.st_ino, ns(s.st_ctim), ns(s.st_mtim)};
    }

    std::string root_;
};

TEST_F(FileHashesTest, HashesAFileOnce) {
    write("/abc", "abc");
    FileHashes hashes(root_);
    const ExecutedFile abc = file("/abc");
    EXPECT_EQ(kOfAbc, hashes.sha256(abc));
    fs::remove(root_ + "/abc");
    EXPECT_EQ(kOfAbc, hashes.sha256(abc));
    EXPECT_EQ(1u, hashes.counters().hashed);
}

TEST_F(FileHashesTest, TheProcessOwnLinkComesFirst) {
    write("/abc", "abc");
    fs::create_directories(root_ + "/proc/7");
    fs::create_symlink(root_ + "/abc", root_ + "/proc/7/exe");
    FileHashes hashes(root_);
    ExecutedFile abc = file("/abc");
    abc.pid = 7;
    abc.path = "/gone (deleted)";
    EXPECT_EQ(kOfAbc, hashes.sha256(abc));
}

TEST_F(FileHashesTest, AnotherFileAtThePathGivesNone) {
    write("/abc", "abc");
    ExecutedFile abc = file("/abc");
    abc.ctime -= 1;
    FileHashes hashes(root_);
    EXPECT_EQ("", hashes.sha256(abc));
    EXPECT_EQ(1u, hashes.counters().refused);
    abc.ctime = 0;
    EXPECT_EQ("", hashes.sha256(abc)) << "a file of which the event tells nothing";
}

TEST_F(FileHashesTest, RefusesWhatIsNoFileOrTooLarge) {
    ASSERT_EQ(0, ::mkfifo((root_ + "/pipe").c_str(), 0600));
    write("/large", "x");
    ASSERT_EQ(0, ::truncate((root_ + "/large").c_str(), FileHashes::kLargest + 1));
    FileHashes hashes(root_);
    EXPECT_EQ("", hashes.sha256(file("/pipe")));
    EXPECT_EQ("", hashes.sha256(file("/large")));
    EXPECT_EQ(2u, hashes.counters().refused);
}

TEST_F(FileHashesTest, EndsInTheMiddleOfAFile) {
    const auto began = std::chrono::steady_clock::now();
    {
        FileHashes hashes(root_);
        for (int i = 0; i < 8; ++i) {
            const std::string name = "/f" + std::to_string(i);
            write(name, "abc");
            ASSERT_EQ(0, ::truncate((root_ + name).c_str(), FileHashes::kLargest));
            hashes.sha256(file(name));
        }
    }
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
}

// A tenth of the time: after many files that take long, nothing is waited for, and what was asked is known later.
TEST_F(FileHashesTest, WaitsForATenthOfTheTime) {
    FileHashes hashes(root_);
    const auto began = std::chrono::steady_clock::now();
    std::string last;
    for (int i = 0; i < 24; ++i) {
        last = "/f" + std::to_string(i);
        write(last, "abc");
        ASSERT_EQ(0, ::truncate((root_ + last).c_str(), FileHashes::kLargest / 4));
        hashes.sha256(file(last));
    }
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
    EXPECT_GT(hashes.counters().late, 0u);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    while (hashes.sha256(file(last)).empty() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_EQ(64u, hashes.sha256(file(last)).size());
}

}  // namespace
}  // namespace undercoat::fields
