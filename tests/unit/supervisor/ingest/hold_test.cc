// Held calls: joined with their results, let go in order, remembered when late.
#include "supervisor/ingest/hold.h"

#include <gtest/gtest.h>

namespace undercoat::ingest {
namespace {

Held held(int64_t pid, int64_t tid, uint32_t seq, uint64_t deadline = 100, uint64_t begin = 0) {
    Held h;
    h.pid = pid, h.tid = tid, h.seq = seq, h.call = 5, h.deadline = deadline, h.begin = begin;
    h.source.id.ring = 1;
    return h;
}

TEST(HoldQueue, JoinsByProcessCallAndNumber) {
    HoldQueue q;
    q.hold(held(1, 10, 7));
    EXPECT_FALSE(q.take(2, 10, 5, 7));
    EXPECT_FALSE(q.take(1, 10, 6, 7));
    EXPECT_FALSE(q.take(1, 10, 5, 8));
    // The shim may not know its thread.
    EXPECT_TRUE(q.take(1, 1, 5, 7));
    EXPECT_TRUE(q.empty());
    EXPECT_FALSE(q.was_let_go(1, 5, 7));
}

TEST(HoldQueue, LetsGoWhatIsDueInTheOrderOfHolding) {
    HoldQueue q;
    q.hold(held(1, 30, 1, 50));
    q.hold(held(1, 10, 2, 40));
    q.hold(held(1, 20, 3, 90));
    q.hold(held(1, 40, 4, 0));
    const auto due = q.take_due(50);
    ASSERT_EQ(due.size(), 2u);
    EXPECT_EQ(due[0].seq, 1u);
    EXPECT_EQ(due[1].seq, 2u);
    EXPECT_TRUE(q.was_let_go(1, 5, 1));
    EXPECT_FALSE(q.was_let_go(1, 5, 1));
    EXPECT_EQ(q.take_due(UINT64_MAX).size(), 1u);
    EXPECT_EQ(q.size(), 1u);
}

TEST(HoldQueue, PinsTheLowestPosition) {
    HoldQueue q;
    q.hold(held(1, 10, 1, 50, 700));
    q.hold(held(1, 11, 1, 50, 300));
    Held accept = held(1, 12, 1, 0, 100);
    accept.pins = false;
    q.hold(accept);
    EXPECT_EQ(q.pinned(1, 1000), 300u);
    EXPECT_EQ(q.pinned(2, 1000), 1000u);
    EXPECT_EQ(q.take_oldest_pinning()->begin, 700u);
    EXPECT_EQ(q.take_oldest_pinning()->begin, 300u);
    EXPECT_FALSE(q.take_oldest_pinning());
}

TEST(HoldQueue, AcceptWaitsAsLongAsItsThread) {
    EXPECT_EQ(HoldQueue::patience(event::type_of(wire::Call::accept4)), 0u);
    EXPECT_GT(HoldQueue::patience(event::type_of(wire::Call::connect)), HoldQueue::patience(event::type_of(wire::Call::open)));
}

}  // namespace
}  // namespace undercoat::ingest
