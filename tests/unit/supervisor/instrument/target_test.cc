// Reading a process's memory and its stat line.
#include "supervisor/instrument/target.h"

#include <cstring>
#include <gtest/gtest.h>
#include <string>
#include <csignal>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace undercoat::instrument {
namespace {

class Memory : public testing::Test {
protected:
    // Two readable pages, then a hole.
    void SetUp() override {
        base = static_cast<char*>(mmap(nullptr, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        ASSERT_NE(base, MAP_FAILED);
        munmap(base + 8192, 4096);
        memset(base, 'a', 8192);
    }
    void TearDown() override { munmap(base, 8192); }
    Read read(const char* at, size_t capacity = 1024) {
        return read_string(getpid(), reinterpret_cast<uint64_t>(at), text, capacity, &length);
    }
    char* base = nullptr;
    char text[8192];
    size_t length = 0;
};

TEST_F(Memory, StringsOfEveryLength) {
    for (size_t n : {0u, 1u, 255u, 256u, 257u, 1000u, 1023u}) {
        base[n] = 0;
        EXPECT_EQ(read(base), Read::ok);
        EXPECT_EQ(length, n);
        base[n] = 'a';
    }
}

TEST_F(Memory, LongStringsAreCutAndTooLongOnesSaid) {
    base[2000] = 0;
    EXPECT_EQ(read(base), Read::ok);
    EXPECT_EQ(length, 1024u);
    base[2000] = 'a';
    EXPECT_EQ(read(base), Read::too_long);
    EXPECT_EQ(length, 1024u);
}

TEST_F(Memory, EndsAtTheHole) {
    base[8191] = 0;
    EXPECT_EQ(read(base + 8185), Read::ok);
    EXPECT_EQ(length, 6u);
    base[8191] = 'a';
    EXPECT_EQ(read(base + 8185), Read::fault);
    EXPECT_EQ(read(base + 8192), Read::fault);
    EXPECT_EQ(read(base + 8192 - 600), Read::fault);
    EXPECT_EQ(read(nullptr), Read::fault);
}

TEST(Stat, NamesMayHoldAnything) {
    std::string line = "12 (a) R (b) S 1 2 3 4 5 0 11 0 13 0";
    for (int field = 14; field <= 52; ++field) line += " " + std::to_string(field * 100);
    Stat s;
    ASSERT_TRUE(parse_stat(line.data(), line.size(), s));
    EXPECT_STREQ(s.comm, "a) R (b");
    EXPECT_EQ(s.state, 'S');
    EXPECT_EQ(s.ppid, 1);
    EXPECT_EQ(s.session, 3);
    EXPECT_EQ(s.tpgid, 5);
    EXPECT_EQ(s.start_time, 2200u);
    EXPECT_EQ(s.start_stack, 2800u);
    EXPECT_EQ(s.arg_start, 4800u);
    EXPECT_EQ(s.env_end, 5100u);
}

TEST(Stat, MalformedLinesAreRefused) {
    Stat s;
    for (std::string bad : {"", "12", "12 (x", "12 (x) R", ") (", "12 (x) R 1 2"}) EXPECT_FALSE(parse_stat(bad.data(), bad.size(), s));
}

TEST(Stat, ThisProcess) {
    Stat s;
    ASSERT_TRUE(read_stat(getpid(), s));
    EXPECT_EQ(s.ppid, getppid());
    EXPECT_NE(s.arg_start, 0u);
    EXPECT_EQ(thread_group_of(getpid()), getpid());
}

TEST(Stat, AKeptFileStaysThatProcesss) {
    const pid_t child = fork();
    if (child == 0) pause(), _exit(0);
    UniqueFd file;
    Stat s, again;
    ASSERT_TRUE(read_stat(child, s, file));
    ASSERT_TRUE(file);
    const int number = file.get();
    ASSERT_TRUE(read_stat(child, again, file));
    EXPECT_EQ(file.get(), number);
    EXPECT_EQ(again.start_time, s.start_time);
    EXPECT_EQ(again.ppid, getpid());
    kill(child, SIGKILL);
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    EXPECT_FALSE(read_stat(child, again, file));
}

TEST(ProcPath, IsWrittenWholeOrNotAtAll) {
    char path[64];
    proc_path(path, sizeof path, 4194304, "exe");
    EXPECT_STREQ(path, "/proc/4194304/exe");
    proc_path(path, sizeof path, 1, "");
    EXPECT_STREQ(path, "/proc/1/");
    proc_path(path, 8, 1, "status");
    EXPECT_STREQ(path, "");
}

}  // namespace
}  // namespace undercoat::instrument
