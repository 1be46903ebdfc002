// The program that puts stacks into words, as the supervisor sees it: it answers, and when it does not nobody waits for long.
#include "supervisor/stack/asker.h"

#include "wire/local/stack.h"

#include <chrono>
#include <cstring>
#include <gtest/gtest.h>

namespace undercoat::stack {
namespace {

void put_stack(event::Event& e, uint64_t ts) {
    wire::StackHead head{};
    head.pc = 0x1234;
    head.sp = 0x7000;
    e.ts = ts;
    e.captured.stack = e.memory().copy({reinterpret_cast<const char*>(&head), sizeof head});
}

TEST(Asker, AsksOnceForEachEvent) {
    Asker asker(UNWINDER);
    event::Event e, none;
    put_stack(e, 5);
    none.ts = 6;
    EXPECT_EQ(asker.text(e, 1), "0x1234");
    EXPECT_EQ(&asker.text(e, 1), &asker.text(e, 1));
    EXPECT_EQ(asker.text(none, 1), "");
    put_stack(e, 7);
    EXPECT_EQ(asker.text(e, 1), "0x1234");
    EXPECT_EQ(asker.failures(), 0u);
}

TEST(Asker, DoesNotWaitForAProgramThatHangs) {
    Asker asker("/bin/cat");  // reads the question from a socket, and writes it elsewhere
    event::Event e;
    put_stack(e, 5);
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_EQ(asker.text(e, 1), "");
    put_stack(e, 6);
    EXPECT_EQ(asker.text(e, 1), "") << "it is not started again at once";
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(4 * Asker::kPatience));
    EXPECT_EQ(asker.failures(), 2u);
}

TEST(Asker, DoesWithoutAProgram) {
    Asker asker("/nowhere/unwinder");
    event::Event e;
    put_stack(e, 5);
    EXPECT_EQ(asker.text(e, 1), "");
    EXPECT_EQ(asker.failures(), 1u);
}

}  // namespace
}  // namespace undercoat::stack
