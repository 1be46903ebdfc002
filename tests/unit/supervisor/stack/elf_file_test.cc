// ELF files: what is found in our own program, and that broken ones are refused or bounded.
#include "supervisor/stack/elf_file.h"

#include <cstring>
#include <elf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <random>
#include <sys/mman.h>
#include <unistd.h>

namespace undercoat::stack {
namespace {

extern "C" __attribute__((noinline)) int a_function_to_find(int n) { return n + 1; }

UniqueFd self() { return UniqueFd(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)); }

TEST(ElfFile, FindsFunctionsAndTheirEntries) {
    const auto f = ElfFile::open(self());
    ASSERT_TRUE(f);
    EXPECT_TRUE(f->has_full_symbols());
    EXPECT_FALSE(f->build_id().empty());
    const uint64_t at = reinterpret_cast<uint64_t>(&a_function_to_find);
    ASSERT_LT(at, f->end()) << "tests are built without position independence: they lie where their files say";
    const auto s = f->symbol(at + 1);
    ASSERT_TRUE(s);
    EXPECT_EQ(s->name, "a_function_to_find");
    EXPECT_EQ(s->address, at);
    EXPECT_TRUE(f->frame_entry(at));
    uint8_t bytes[4];
    ASSERT_TRUE(f->read(at, bytes, sizeof bytes));
    EXPECT_EQ(std::memcmp(bytes, reinterpret_cast<const void*>(at), sizeof bytes), 0);
    EXPECT_EQ(a_function_to_find(1), 2);
    EXPECT_FALSE(f->symbol(0));
    EXPECT_FALSE(f->read(f->end() - 2, bytes, sizeof bytes));
    EXPECT_FALSE(f->read(UINT64_MAX - 1, bytes, sizeof bytes));
}

TEST(ElfFile, RefusesWhatIsNone) {
    EXPECT_EQ(ElfFile::open(UniqueFd()), nullptr);
    EXPECT_EQ(ElfFile::open(UniqueFd(::open("/etc/passwd", O_RDONLY))), nullptr);
    EXPECT_EQ(ElfFile::open(UniqueFd(::open("/dev/null", O_RDONLY))), nullptr);
}

// Bytes of the headers and tables changed at random: every answer is right or missing, and comes.
TEST(ElfFile, SurvivesBrokenOnes) {
    std::vector<uint8_t> whole(1 << 20);
    const ssize_t n = ::pread(self().get(), whole.data(), whole.size(), 0);
    ASSERT_GT(n, 64 * 1024);
    whole.resize(static_cast<size_t>(n));
    std::mt19937 random(11);
    for (int round = 0; round < 60; ++round) {
        std::vector<uint8_t> bad = whole;
        bad.resize(round % 3 ? bad.size() : random() % bad.size());
        for (int i = 0; i < 40 && bad.size() > 64; ++i) bad[16 + random() % (round % 2 ? 1000 : bad.size() - 16)] = static_cast<uint8_t>(random());
        const int fd = ::memfd_create("bad", 0);
        ASSERT_EQ(::write(fd, bad.data(), bad.size()), static_cast<ssize_t>(bad.size()));
        const auto f = ElfFile::open(UniqueFd(fd));
        if (!f) continue;
        for (uint64_t at : {uint64_t{0}, f->begin(), f->begin() + 0x1000, f->end() - 1, uint64_t{UINT64_MAX}}) {
            uint8_t byte;
            f->read(at, &byte, 1);
            f->symbol(at);
            f->frame_entry(at);
            f->address_of(at);
        }
        f->build_id();
    }
}

}  // namespace
}  // namespace undercoat::stack
