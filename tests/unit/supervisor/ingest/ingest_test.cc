// Order, holding, quotas, hostile rings, and what a restart finds.
#include "supervisor/ingest/ingest.h"
#include "tests/unit/supervisor/support/ring_fixture.h"

#include <gtest/gtest.h>
#include <atomic>
#include <iostream>
#include <linux/futex.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

namespace undercoat::ingest {
namespace {

using test::RecordBuilder;
using test::TestRegistry;
using test::TestRing;
using wire::Call;
using wire::RecordKind;
using wire::Tag;

constexpr uint64_t kMs = 1'000'000;

struct Seen {
    std::string path;
    int64_t pid, result;
    bool unknown;
    std::string id;
};

class IngestTest : public ::testing::Test {
protected:
    TestRegistry registry;
    TestRing trap = registry.make_ring(0, 0, 4096);
    std::vector<Seen> seen;
    std::unique_ptr<Ingest> ingest;
    uint64_t now_ = 1;
    bool with_history = false;

    void SetUp() override { start(); }
    void start() {
        ingest = std::make_unique<Ingest>(registry.map(), TscClock::calibrate(), [this](event::Event& e) {
            if (e.history && !with_history) return;
            seen.push_back({std::string(e.captured.path[0]), e.pid, e.result, e.result_unknown, e.id.text()});
        });
        ASSERT_TRUE(ingest->add_ring(0, trap.fd.get()));
    }
    TestRing shim(uint32_t slot, uint32_t pid, uint32_t granules = 256) {
        TestRing r = registry.make_ring(slot, pid, granules);
        EXPECT_TRUE(ingest->add_ring(slot, r.fd.get()));
        return r;
    }
    static RecordBuilder open(const char* path, uint32_t pid = 0, uint32_t tid = 0) {
        return RecordBuilder::call(Call::open).from(pid, tid).result(3).args({1, 0, 0}).text(Tag::path, 0, path);
    }
    std::string order() const {
        std::string s;
        for (const Seen& e : seen) s += e.path;
        return s;
    }
};

// Another thread writes once the reader sleeps, as a writer does: then the sleep ends long before its time.
TEST_F(IngestTest, SleepsUntilAnyWriterHasARecord) {
    constexpr uint64_t kLong = 20'000 * kMs;
    TestRing a = shim(1, 50);
    for (TestRing* to : {&a, &trap}) {
        const wire::Ring& ring = to->ring;
        std::atomic<bool> awake{false};
        std::thread writer([&] {
            while (!wire::reader_waits(ring) && !awake) std::this_thread::yield();
            to->write(open("1", 50));
            if (wire::takes_wake_up(ring)) syscall(SYS_futex, &ring.control->reader_waits, FUTEX_WAKE, 1, nullptr, nullptr, 0);
        });
        const uint64_t began = monotonic_ns();
        const bool slept = ingest->sleep(began + kLong);
        awake = true;
        writer.join();
        EXPECT_LT(monotonic_ns() - began, kLong);
        EXPECT_EQ(ingest->turn(0), 1u);
        ingest->commit(0);
        EXPECT_FALSE(wire::reader_waits(a.ring) || wire::reader_waits(trap.ring));
        if (!slept) std::cerr << "it was told before it slept, or this kernel cannot wait for several words\n";
    }
    EXPECT_EQ(order(), "11");
}

// Its owner can delay what it says itself, and for so long only.
TEST_F(IngestTest, AWordThatIsClearedInSilenceDelaysItsOwnRing) {
    TestRing a = shim(1, 50);
    std::atomic<bool> awake{false};
    std::thread hostile([&] {
        while (!wire::reader_waits(a.ring) && !awake) std::this_thread::yield();
        wire::takes_wake_up(a.ring);
        a.write(open("1"));
    });
    const uint64_t until = monotonic_ns() + 50 * kMs;
    const bool slept = ingest->sleep(until);
    EXPECT_TRUE(!slept || monotonic_ns() >= until);
    awake = true;
    hostile.join();
    EXPECT_EQ(ingest->turn(0), 1u);
}

TEST_F(IngestTest, DoesNotSleepWhereThereIsWorkOrWhoCannotWakeIt) {
    TestRing a = shim(1, 50);
    const auto soon = [] { return monotonic_ns() + 10 * kMs; };
    if (!ingest->sleep(soon())) GTEST_SKIP() << "this kernel cannot wait for several words";
    a.write(open("1"));
    EXPECT_FALSE(ingest->sleep(soon()));
    ingest->turn(0), ingest->commit(0);
    EXPECT_TRUE(ingest->sleep(soon()));
    a.ring.control->sealed = 1;
    EXPECT_FALSE(ingest->sleep(soon()));
    a.ring.control->sealed = 0;
    registry.get().mode = static_cast<uint32_t>(wire::CaptureMode::preload);
    EXPECT_FALSE(ingest->sleep(soon()));
}

TEST_F(IngestTest, ReadsTrapBeforeShimsAndDrainsWhatTheTrapNames) {
    TestRing a = shim(1, 50), b = shim(2, 60);
    a.write(open("1")), a.write(open("2"));
    const uint64_t head = a.head();
    a.write(open("5"));
    b.write(open("6"));
    trap.write(open("3", 50).order(101, head));
    trap.write(open("4", 60));
    EXPECT_EQ(ingest->turn(0), 6u);
    EXPECT_EQ(order(), "123456");
}

TEST_F(IngestTest, ShimRecordsWrittenAfterTheTurnBeganWait) {
    TestRing a = shim(1, 50);
    a.write(open("1"));
    bool wrote = false;
    ingest = std::make_unique<Ingest>(registry.map(), TscClock::calibrate(), [&](event::Event& e) {
        seen.push_back({std::string(e.captured.path[0]), e.pid, e.result, false, ""});
        // While the first record is handled, the process goes on: a trap, then a record of its shim.
        if (!wrote) trap.write(open("2", 50).order(101, a.head())), a.write(open("3"));
        wrote = true;
    });
    ASSERT_TRUE(ingest->add_ring(0, trap.fd.get()));
    ASSERT_TRUE(ingest->add_ring(1, a.fd.get()));
    ingest->turn(0);
    ingest->turn(0);
    EXPECT_EQ(order(), "123");
}

TEST_F(IngestTest, ShimsSpeakForTheirOwnerOnly) {
    TestRing a = shim(1, 50);
    a.write(open("x", 999));
    ingest->turn(0);
    ASSERT_EQ(seen.size(), 1u);
    EXPECT_EQ(seen[0].pid, 50);
}

TEST_F(IngestTest, JoinsACallWithItsResult) {
    TestRing a = shim(1, 50);
    trap.write(open("held", 50, 51).flags(wire::kResultFollows).seq(7));
    trap.write(open("other", 60));
    ingest->turn(0);
    EXPECT_EQ(order(), "other");
    a.write(RecordBuilder(RecordKind::result, static_cast<uint16_t>(Call::open)).from(50, 51).result(-13).seq(7));
    ingest->turn(1 * kMs);
    ASSERT_EQ(seen.size(), 2u);
    EXPECT_EQ(seen[1].path, "held");
    EXPECT_EQ(seen[1].result, -13);
    EXPECT_FALSE(seen[1].unknown);
    EXPECT_EQ(ingest->counters().results_joined, 1u);
}

TEST_F(IngestTest, AHeldCallIsLetGoAtItsDeadlineAndItsResultComesTooLate) {
    TestRing a = shim(1, 50);
    trap.write(open("held", 50).flags(wire::kResultFollows).seq(7));
    ingest->turn(0);
    ingest->turn(199 * kMs);
    EXPECT_TRUE(seen.empty());
    ingest->turn(201 * kMs);
    ASSERT_EQ(seen.size(), 1u);
    EXPECT_TRUE(seen[0].unknown);
    a.write(RecordBuilder(RecordKind::result, static_cast<uint16_t>(Call::open)).from(50).result(4).seq(7));
    ingest->turn(202 * kMs);
    EXPECT_EQ(seen.size(), 1u);
    EXPECT_EQ(ingest->counters().results_late, 1u);
}

TEST_F(IngestTest, AHeldCallIsLetGoWhenItsThreadGoesOnOrItsProcessEnds) {
    trap.write(open("1", 50, 51).flags(wire::kResultFollows).seq(1));
    trap.write(open("2", 50, 51));
    trap.write(open("3", 50, 52).flags(wire::kResultFollows).seq(2));
    trap.write(RecordBuilder(RecordKind::exit).from(50, 50).text(Tag::path, 0, "4"));
    ingest->turn(0);
    EXPECT_EQ(order(), "1234");
    EXPECT_EQ(ingest->counters().results_missing, 2u);
}

TEST_F(IngestTest, AResultThatTheTrapNeverSawStandsAlone) {
    TestRing a = shim(1, 50);
    a.write(RecordBuilder(RecordKind::result, static_cast<uint16_t>(Call::unshare)).from(50).result(-1).args({1}).seq(9));
    ingest->turn(0);
    ASSERT_EQ(seen.size(), 1u);
    EXPECT_EQ(seen[0].result, -1);
    EXPECT_EQ(ingest->counters().results_alone, 1u);
}

TEST_F(IngestTest, AResultOfACallThatTheTrapToldAlreadySaysNothingNew) {
    TestRing a = shim(1, 50);
    const RecordBuilder result = RecordBuilder(RecordKind::result, static_cast<uint16_t>(Call::open)).from(50).result(4).seq(9);
    trap.write(open("1", 50).flags(wire::kInferred));
    a.write(result);
    ingest->turn(0);
    EXPECT_EQ(seen.size(), 1u);
    EXPECT_EQ(ingest->counters().results_late, 1u);
    // The next one is another call, of which nothing is known that a rule could look at.
    a.write(result);
    ingest->turn(0);
    EXPECT_EQ(seen.size(), 1u);
    EXPECT_EQ(ingest->counters().results_alone, 1u);
}

TEST_F(IngestTest, TailsMoveOnlyAtCommitAndNotPastHeldCalls) {
    trap.write(open("1", 60));
    const uint64_t before = trap.head();
    trap.write(open("held", 50).flags(wire::kResultFollows).seq(7));
    trap.write(open("2", 60));
    ingest->turn(0);
    EXPECT_EQ(registry.get().slots[0].tail, 0u);
    ingest->commit(now_);
    EXPECT_EQ(registry.get().slots[0].tail, before);
    ingest->turn(300 * kMs);
    ingest->commit(now_);
    EXPECT_EQ(registry.get().slots[0].tail, trap.head());
}

TEST_F(IngestTest, ARestartReadsAgainWhatWasNotCommitted) {
    TestRing a = shim(1, 50);
    a.write(open("1"));
    ingest->turn(0);
    ingest->commit(now_);
    a.write(open("2"));
    trap.write(open("3", 60));
    ingest->turn(0);
    const std::vector<Seen> first = seen;
    seen.clear();
    start();  // without commit, as after kill -9
    ASSERT_TRUE(ingest->add_ring(1, a.fd.get()));
    ingest->turn(0);
    ASSERT_EQ(seen.size(), 2u);
    EXPECT_EQ(seen[0].id, first[1].id);
    EXPECT_EQ(seen[1].id, first[2].id);
}

TEST_F(IngestTest, ARestartReadsTheTrapRingsRecentPastAsHistory) {
    trap.write(open("1", 60)), trap.write(open("held", 61).flags(wire::kResultFollows).seq(1));
    trap.write(RecordBuilder(RecordKind::exit).from(61).text(Tag::path, 0, "2"));
    ingest->turn(0);
    ingest->commit(now_);
    const uint64_t committed = trap.head();
    EXPECT_EQ(registry.get().slots[0].tail, committed);
    EXPECT_EQ(trap.ring.control->tail, 0u);
    seen.clear();
    with_history = true;
    start();
    trap.write(open("3", 60));
    ingest->turn(0);
    EXPECT_EQ(order(), "1held23");
    // After its time the memory is given back.
    ingest->commit(now_ + 1);
    trap.write(open("4", 60));
    ingest->turn(0);
    ingest->commit(now_ + 1 + Ingest::kHistory);
    EXPECT_GE(trap.ring.control->tail, committed);
}

TEST_F(IngestTest, HistoryTakesAQuarterOfTheRingAtMost) {
    for (int i = 0; i < 20000; ++i) {
        ASSERT_TRUE(trap.write(open("x", 60)));
        ingest->turn(0);
        ingest->commit(now_);
    }
    EXPECT_LE(trap.head() - trap.ring.control->tail, trap.ring.granules / 4);
}

TEST_F(IngestTest, MemoryOfTheTrapRingIsGivenBack) {
    const auto touched = [](int fd) {
        struct stat st;
        return fstat(fd, &st) == 0 ? st.st_blocks * 512 : -1;
    };
    trap = registry.make_ring(0, 0, 65536);  // 4 MiB
    start();
    size_t written = 0;
    for (uint64_t laps = 0; trap.head() < 3 * 65536; ++written) {
        ASSERT_TRUE(trap.write(open("x", 60)));
        ingest->turn(0);
        if (written % 100 == 0) ingest->commit(now_ += Ingest::kHistory);
        if (trap.head() / 65536 != laps) {
            laps = trap.head() / 65536;
            EXPECT_LT(touched(trap.fd.get()), 1 << 20) << "after lap " << laps;
        }
    }
    EXPECT_EQ(seen.size(), written) << "nothing that is still to be read goes with it";
}

TEST_F(IngestTest, AHoleIsSkippedAfterItsTimeAndHoldsUpOnlyItsRing) {
    TestRing a = shim(1, 50), b = shim(2, 60);
    a.leave_hole(), a.write(open("late"));
    b.write(open("b"));
    ingest->turn(1);
    EXPECT_EQ(order(), "b");
    ingest->turn(99 * kMs);
    EXPECT_EQ(order(), "b");
    ingest->turn(101 * kMs + 1);
    EXPECT_EQ(order(), "blate");
    EXPECT_EQ(ingest->counters().holes, 1u);
}

TEST_F(IngestTest, AHoleInTheTrapRingHoldsUpTheShims) {
    TestRing a = shim(1, 50);
    trap.leave_hole(), trap.write(open("1", 50));
    a.write(open("2"));
    ingest->turn(1);
    EXPECT_EQ(order(), "");
    ingest->turn(200 * kMs);
    EXPECT_EQ(order(), "12");
}

TEST_F(IngestTest, AFloodedRingGetsAQuota) {
    TestRing a = shim(1, 50, 8192), b = shim(2, 60);
    for (size_t i = 0; i < Ingest::kQuota + 100; ++i) ASSERT_TRUE(a.write(open("a")));
    b.write(open("b"));
    EXPECT_EQ(ingest->turn(0), Ingest::kQuota + 1);
    EXPECT_EQ(ingest->turn(0), 100u);
}

TEST_F(IngestTest, ARingThatContradictsItselfIsQuarantined) {
    TestRing a = shim(1, 50);
    a.ring.control->head = 1 << 30;
    ingest->turn(0);
    ingest->commit(now_);
    EXPECT_EQ(registry.get().slots[1].state, static_cast<uint32_t>(wire::SlotState::quarantined));
    EXPECT_EQ(ingest->counters().quarantined, 1u);
    trap.write(open("x", 50).order(101, 5));
    ingest->turn(0);
    EXPECT_EQ(order(), "x");
    EXPECT_EQ(ingest->counters().order_unknown_ring, 1u);
}

TEST_F(IngestTest, MalformedRecordsAreCountedAndPassedOver) {
    TestRing a = shim(1, 50);
    a.write(RecordBuilder(RecordKind::call, 60000));
    a.write(open("ok"));
    ingest->turn(0);
    EXPECT_EQ(order(), "ok");
    EXPECT_EQ(ingest->counters().malformed, 1u);
}

TEST_F(IngestTest, AnOrphanIsDrainedAndLetGo) {
    TestRing a = shim(1, 50);
    a.write(open("last"));
    registry.get().slots[1].state = static_cast<uint32_t>(wire::SlotState::orphaned);
    ingest->turn(0);
    ingest->commit(now_);
    EXPECT_EQ(order(), "last");
    EXPECT_EQ(registry.get().slots[1].state, static_cast<uint32_t>(wire::SlotState::drained));
    EXPECT_EQ(ingest->ring_count(), 1u);
}

TEST_F(IngestTest, AnExitComesAfterItsProcessesLastRecords) {
    TestRing a = shim(1, 50);
    a.write(open("1"));
    trap.write(RecordBuilder(RecordKind::exit).from(50).text(Tag::path, 0, "2"));
    ingest->turn(0);
    EXPECT_EQ(order(), "12");
}

TEST_F(IngestTest, WantsReachAllRingsAndStayUntilTheyAreKnown) {
    TestRing a = registry.make_ring(1, 50);
    a.ring.control->wanted[0] = 0xff;
    ASSERT_TRUE(ingest->add_ring(1, a.fd.get()));
    EXPECT_EQ(a.ring.control->wanted[0], 0xffu);
    CallSet wanted, results;
    wanted.set(static_cast<size_t>(Call::open)), results.set(static_cast<size_t>(Call::execveat));
    ingest->set_interest(wanted, results, true);
    TestRing b = shim(2, 60);
    for (TestRing* r : {&trap, &a, &b}) {
        EXPECT_TRUE(wire::bit(r->ring.control->wanted, static_cast<uint16_t>(Call::open)));
        EXPECT_FALSE(wire::bit(r->ring.control->wanted, static_cast<uint16_t>(Call::connect)));
        EXPECT_TRUE(wire::bit(r->ring.control->want_result, static_cast<uint16_t>(Call::execveat)));
        EXPECT_EQ(r->ring.control->names_wanted, 1u);
        EXPECT_GE(r->ring.control->generation, 1u);
    }
}

TEST_F(IngestTest, AnUnknownRingIsAskedFor) {
    TestRing a = registry.make_ring(1, 50);
    a.write(open("1"));
    ingest->on_missing_ring([&] { ASSERT_TRUE(ingest->add_ring(1, a.fd.get())); });
    trap.write(open("2", 50).order(101, a.head()));
    ingest->turn(0);
    EXPECT_EQ(order(), "12");
}

TEST_F(IngestTest, HeldCallsAreLetGoWhenTheTrapRingFills) {
    for (uint32_t i = 0; i < 40; ++i)
        ASSERT_TRUE(trap.write(open("h", 50, 100 + i).flags(wire::kResultFollows).seq(i)
                                   .text(Tag::string, 1, std::string(5000, 'x'))));
    ingest->turn(0);
    EXPECT_GT(seen.size(), 0u);
    EXPECT_LT(seen.size(), 40u);
    ingest->commit(now_);
    EXPECT_LE(trap.head() - registry.get().slots[0].tail, trap.ring.granules / 2);
}

TEST_F(IngestTest, ATailFollowsOnlyToTheMark) {
    TestRing a = shim(1, 50);
    a.write(open("1")), trap.write(open("2", 60));
    ingest->turn(0);
    const uint64_t marked = a.head(), trap_marked = trap.head();
    ingest->mark();
    TestRing b = shim(2, 70);
    a.write(open("3")), b.write(open("4"));
    ingest->turn(0);
    ingest->give_way(now_);
    EXPECT_EQ(registry.get().slots[1].tail, 0u);
    EXPECT_EQ(a.ring.control->tail, 0u);
    ingest->commit_mark(now_);
    EXPECT_EQ(registry.get().slots[0].tail, trap_marked);
    EXPECT_EQ(registry.get().slots[1].tail, marked);
    EXPECT_EQ(registry.get().slots[2].tail, 0u) << "it came after the mark";
    ingest->commit(now_);
    EXPECT_EQ(registry.get().slots[1].tail, a.head());
    EXPECT_EQ(registry.get().slots[2].tail, b.head());
    EXPECT_EQ(ingest->counters().given_way, 0u);
}

TEST_F(IngestTest, WhatWasNotCommittedComesAgainHoweverManyTurnsAgo) {
    TestRing a = shim(1, 50);
    for (int i = 0; i < 5; ++i) {
        a.write(open("x"));
        ingest->turn(0);
        ingest->give_way(now_);
    }
    seen.clear();
    start();
    ASSERT_TRUE(ingest->add_ring(1, a.fd.get()));
    ingest->turn(0);
    EXPECT_EQ(order(), "xxxxx");
}

TEST_F(IngestTest, ARingThatIsHalfFullGivesWayAndNoOther) {
    TestRing a = shim(1, 50), b = shim(2, 60);
    b.write(open("b"));
    ASSERT_TRUE(a.write(open("a")));
    const uint64_t each = a.head();
    for (uint64_t i = 1; i < 128 / each; ++i) ASSERT_TRUE(a.write(open("a")));
    ingest->turn(0);
    ingest->give_way(now_);
    EXPECT_EQ(registry.get().slots[1].tail, 0u);
    while (a.head() <= 128) ASSERT_TRUE(a.write(open("a")));
    ingest->turn(0);
    ingest->give_way(now_);
    EXPECT_EQ(registry.get().slots[1].tail, a.head());
    EXPECT_EQ(registry.get().slots[2].tail, 0u);
    EXPECT_EQ(ingest->counters().given_way, 1u);
}

TEST_F(IngestTest, AnEndedRingWaitsForSlowOutputsUntilThereAreTooMany) {
    TestRing a = shim(1, 50);
    a.write(open("last"));
    registry.get().slots[1].state = static_cast<uint32_t>(wire::SlotState::orphaned);
    ingest->turn(0);
    ingest->give_way(now_);
    EXPECT_EQ(registry.get().slots[1].state, static_cast<uint32_t>(wire::SlotState::orphaned));
    EXPECT_EQ(ingest->ring_count(), 2u);
    for (uint32_t slot = 2; slot <= Ingest::kEndedRings + 1; ++slot) {
        shim(slot, 50 + slot, 4).write(RecordBuilder(RecordKind::call, static_cast<uint16_t>(Call::open)).result(0));
        registry.get().slots[slot].state = static_cast<uint32_t>(wire::SlotState::orphaned);
    }
    ingest->turn(0);
    ingest->give_way(now_);
    EXPECT_EQ(ingest->ring_count(), 1 + Ingest::kEndedRings);
    EXPECT_EQ(ingest->counters().given_way, 1u);
    EXPECT_EQ(registry.get().slots[1].state, static_cast<uint32_t>(wire::SlotState::drained)) << "the oldest";
    EXPECT_EQ(registry.get().slots[2].state, static_cast<uint32_t>(wire::SlotState::orphaned));
    ingest->commit(now_);
    EXPECT_EQ(ingest->ring_count(), 1u);
}

}  // namespace
}  // namespace undercoat::ingest
