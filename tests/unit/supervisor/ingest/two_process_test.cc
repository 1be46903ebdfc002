// A writer in another process, the reader here: nothing is lost and nothing comes twice.
#include "supervisor/ingest/ingest.h"
#include "tests/unit/supervisor/support/ring_fixture.h"

#include <chrono>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

namespace undercoat::ingest {
namespace {

using test::RecordBuilder;

constexpr int kRecords = 20000;

[[noreturn]] void write_all(test::TestRing& ring) {
    for (int i = 0; i < kRecords; ++i) {
        const RecordBuilder r = RecordBuilder::call(wire::Call::close).from(1).result(i).args({static_cast<uint64_t>(i)});
        while (!ring.write(r)) sched_yield();
    }
    _exit(0);
}

TEST(TwoProcesses, EveryRecordOnceInOrder) {
    test::TestRegistry registry;
    test::TestRing trap = registry.make_ring(0, 0), ring = registry.make_ring(1, 50);
    int64_t next = 0;
    bool ordered = true;
    Ingest ingest(registry.map(), TscClock::calibrate(), [&](event::Event& e) { ordered = ordered && e.result == next++; });
    ASSERT_TRUE(ingest.add_ring(0, trap.fd.get()));
    ASSERT_TRUE(ingest.add_ring(1, ring.fd.get()));
    const pid_t child = fork();
    if (child == 0) write_all(ring);
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (next < kRecords && std::chrono::steady_clock::now() < until) {
        ingest.turn(monotonic_ns());
        ingest.commit(monotonic_ns());
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(next, kRecords);
    EXPECT_TRUE(ordered);
    EXPECT_EQ(ingest.counters().holes, 0u);
    EXPECT_EQ(ingest.counters().malformed, 0u);
}

}  // namespace
}  // namespace undercoat::ingest
