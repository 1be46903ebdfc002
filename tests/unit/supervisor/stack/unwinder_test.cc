// Walking stacks: our own, one of frame pointers alone, and hostile ones.
#include "supervisor/stack/unwinder.h"

#include "supervisor/stack/reader.h"

#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>
#include <link.h>
#include <random>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace undercoat::stack {
namespace {

struct Copied {
    wire::StackHead head{};
    std::string bytes, code;
};

void add_range(std::string& code, uint64_t start, uint64_t end, uint64_t offset, uint64_t ino, const std::string& path) {
    wire::CodeRange r{start, end, offset, ino, 0, 0, static_cast<uint16_t>(path.size()), {}};
    code.append(reinterpret_cast<const char*>(&r), sizeof r).append(path);
}

// Executable ranges as /proc/self/maps has them.
std::string own_code() {
    std::string code;
    FILE* f = std::fopen("/proc/self/maps", "re");
    char line[1024];
    while (f && std::fgets(line, sizeof line, f)) {
        unsigned long start, end, offset, ino;
        char rights[8], path[512] = "";
        if (std::sscanf(line, "%lx-%lx %7s %lx %*s %lu %511s", &start, &end, rights, &offset, &ino, path) >= 5 && rights[2] == 'x')
            add_range(code, start, end, offset, ino, path);
    }
    if (f) std::fclose(f);
    return code;
}

__attribute__((noinline)) void copy_here(Copied& to) {
    uint64_t sp, pc;
    asm volatile("movq %%rsp, %0\n\tleaq 0f(%%rip), %1\n0:" : "=r"(sp), "=r"(pc));
    to.head.sp = sp;
    to.head.pc = pc;
    const uint64_t saved[6] = {};
    std::memcpy(to.head.callee_saved, saved, sizeof saved);
    uint64_t bp;
    asm volatile("movq %%rbp, %0" : "=r"(bp));
    to.head.callee_saved[1] = bp;
    to.head.flags = wire::kRegisters;
    // By the kernel: a copy of what lies between variables is an error to AddressSanitizer.
    to.bytes.resize(4096);
    const iovec local{to.bytes.data(), to.bytes.size()}, remote{reinterpret_cast<void*>(sp), to.bytes.size()};
    to.bytes.resize(static_cast<size_t>(std::max<ssize_t>(0, ::process_vm_readv(::getpid(), &local, 1, &remote, 1, 0))));
    to.code = own_code();
}
__attribute__((noinline)) int caller_of_copy(Copied& to) {
    copy_here(to);
    return static_cast<int>(to.bytes.size());
}

std::string text_of(const Copied& c) {
    Reader reader;
    std::string stack(reinterpret_cast<const char*>(&c.head), sizeof c.head);
    return reader.text(::getpid(), 1, stack + c.bytes, c.code);
}

TEST(Unwind, FollowsTables) {
    Copied c;
    ASSERT_EQ(caller_of_copy(c), 4096);
    const std::string text = text_of(c);
    EXPECT_NE(text.find("copy_here"), std::string::npos) << text;
    EXPECT_LT(text.find("copy_here"), text.find("caller_of_copy")) << text;
    EXPECT_NE(text.find("TestBody"), std::string::npos) << text;
}

// Code that is of no file: only what looks like frames leads on.
TEST(Unwind, GuessesByFramePointers) {
    Copied c;
    add_range(c.code, 0x100000, 0x200000, 0, 0, "");
    c.head.pc = 0x100010;
    c.head.sp = 0x7000;
    const uint64_t words[] = {1, 2, 0x7030, 0x100100, 3, 4, 0x7050, 0x100200, 5, 6, 0, 0x100300};
    c.bytes.assign(reinterpret_cast<const char*>(words), sizeof words);
    FileCache files;
    CodeMap code(files, 0, c.code);
    const Walk w = unwind(c.head, c.bytes, code);
    std::vector<uint64_t> pcs;
    for (const Frame& f : w.frames) pcs.push_back(f.pc);
    EXPECT_EQ(pcs, (std::vector<uint64_t>{0x100010, 0x100100, 0x100200, 0x100300}));
    EXPECT_TRUE(w.frames[1].guessed);
}

TEST(Unwind, CirclesEnd) {
    Copied c;
    add_range(c.code, 0x100000, 0x200000, 0, 0, "");
    c.head = {0x100010, 0x7000, {}, wire::kStackCut, 0};
    std::vector<uint64_t> words;
    for (uint64_t i = 0; i < 1280; i += 2) words.push_back(0x7000 + (i + 2) * 8), words.push_back(0x100100);
    c.bytes.assign(reinterpret_cast<const char*>(words.data()), words.size() * 8);
    FileCache files;
    CodeMap code(files, 0, c.code);
    const Walk w = unwind(c.head, c.bytes, code);
    EXPECT_EQ(w.frames.size(), kMostFrames);
    EXPECT_TRUE(w.cut);
}

TEST(Unwind, TakesAnyBytes) {
    std::mt19937_64 random(3);
    const std::string code_bytes = own_code();
    Copied real;
    caller_of_copy(real);
    for (int round = 0; round < 300; ++round) {
        Copied c = real;
        for (int i = 0; i < 1 + round % 64; ++i) {
            const uint64_t any[] = {random(), c.head.sp + random() % 4096, real.head.pc + random() % 4096, 0};
            std::memcpy(c.bytes.data() + random() % 4088, &any[random() % 4], 8);
        }
        if (round % 5 == 0) c.head.sp += random() % 64;
        if (round % 7 == 0) c.bytes.resize(random() % 4096);
        if (round % 11 == 0) c.code.resize(random() % c.code.size());
        EXPECT_LE(text_of(c).size(), kMostFrames * (2 * kMostName + 64));
    }
    Reader reader;
    EXPECT_EQ(reader.text(1, 1, "", ""), "");
    EXPECT_EQ(reader.text(1, 1, "short", "short"), "");
}

}  // namespace
}  // namespace undercoat::stack
