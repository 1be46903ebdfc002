// The writers' side of the ring, alone and from many threads at once. Run under TSan too (b_sanitize=thread).
#include "wire/local/ring.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/time.h>

#include <chrono>
#include <map>
#include <random>
#include <thread>

#include "tests/unit/wire/local/test_ring.h"

namespace undercoat::wire {
namespace {

using testing::check_record;
using testing::TestRing;
using testing::write_record;

TEST(Ring, RandomSizesWrapAndComeBackInOrder) {
    std::mt19937 rng(11);
    for (uint32_t granules : {16u, 64u, 256u, 4096u}) {
        TestRing ring(granules);
        RingReader reader(*ring, 0);
        const size_t max_data = std::min<size_t>(granules * kGranule / 2, 3000) - 44;
        uint64_t written = 0, read = 0;
        uint8_t copy[kMaxRecord];
        size_t size = 0;
        while (written < 5000) {
            for (uint64_t burst = rng() % 20; burst > 0 && write_record(*ring, 1, written, max_data); --burst) ++written;
            for (uint64_t burst = rng() % 20; burst > 0; --burst) {
                const ReadStatus s = reader.next(copy, &size);
                if (s == ReadStatus::empty) break;
                ASSERT_EQ(s, ReadStatus::record);
                ASSERT_TRUE(check_record(copy, size, max_data));
                ASSERT_EQ(RecordView(copy, size).header().time, read++);
            }
            reader.publish();
        }
        while (reader.next(copy, &size) == ReadStatus::record) ++read;
        EXPECT_EQ(read, written);
        EXPECT_EQ(reader.position(), reader.head());
    }
}

TEST(Ring, FullRefusesAndOverwritesNothing) {
    TestRing ring(64);
    uint64_t written = 0;
    while (write_record(*ring, 1, written, 200)) ++written;
    EXPECT_GT(written, 10u);
    EXPECT_FALSE(write_record(*ring, 1, written, 200));
    RingReader reader(*ring, 0);
    uint8_t copy[kMaxRecord];
    size_t size = 0;
    for (uint64_t i = 0; i < written; ++i) {
        ASSERT_EQ(reader.next(copy, &size), ReadStatus::record);
        ASSERT_TRUE(check_record(copy, size, 200));
    }
    EXPECT_EQ(reader.next(copy, &size), ReadStatus::empty);
    EXPECT_FALSE(write_record(*ring, 1, written, 200)) << "space counts as free only once the reader has published";
    reader.publish();
    EXPECT_TRUE(write_record(*ring, 1, written, 200));
}

TEST(Ring, RefusesWhatCannotFit) {
    TestRing ring(64);
    EXPECT_EQ(reserve(*ring, 64 * kGranule).n, 0u);
    EXPECT_EQ(reserve(*ring, kMaxRecord).n, 0u);
    EXPECT_EQ(reserve(*ring, SIZE_MAX - 10).n, 0u);
    EXPECT_EQ((*ring).control->head, 0u);
    EXPECT_EQ(reserve(*ring, 64 * kGranule - kHeaderSize).n, 64u);
}

TEST(Ring, NearlyFullLeavesAQuarter) {
    TestRing ring(64);
    while (!nearly_full(*ring)) ASSERT_NE(reserve(*ring, 0).n, 0u);
    EXPECT_EQ((*ring).control->head, 49u);
}

TEST(Ring, DropsAreCountedByName) {
    TestRing ring(64);
    count_drop(*ring, Drop::too_big);
    count_drop(*ring, Drop::too_big);
    EXPECT_EQ((*ring).control->drops[static_cast<size_t>(Drop::too_big)], 2u);
    EXPECT_EQ((*ring).control->drops[static_cast<size_t>(Drop::ring_full)], 0u);
}

TEST(Ring, BitmapBoundsAreChecked) {
    uint64_t map[kBitmapWords] = {};
    map[1] = 1;
    EXPECT_TRUE(bit(map, 64));
    EXPECT_FALSE(bit(map, 65));
    EXPECT_FALSE(bit(map, 0xffff));
}

// Each writer's records arrive complete, untorn, once, and in that writer's order.
// What a handler jumped out of, at each moment of it: before its first store, with the stamp set, and with a pad before it.
TEST(Ring, WhatIsMadeVoidIsPassedOver) {
    for (const bool prepared : {false, true}) {
        TestRing ring(16);
        RingReader reader(*ring, 0);
        uint8_t copy[kMaxRecord];
        size_t size = 0;
        for (uint64_t written = 0; written < 40; ++written) {
            const Claim left = claim(*ring, 100);
            ASSERT_NE(left.n, 0u);
            if (prepared) prepare(*ring, left);
            ASSERT_EQ(reader.next(copy, &size), ReadStatus::waiting);
            ASSERT_TRUE(make_void(*ring, left));
            ASSERT_TRUE(write_record(*ring, 1, written, 100));
            ASSERT_EQ(reader.next(copy, &size), ReadStatus::record) << written;
            EXPECT_EQ(RecordView(copy, size).header().time, written);
            EXPECT_EQ(reader.next(copy, &size), ReadStatus::empty);
            reader.publish();
        }
    }
}

TEST(Ring, WhatIsCommittedOrGivenUpIsNotMadeVoid) {
    TestRing ring(64);
    const Claim done = claim(*ring, 100);
    const Reservation v = prepare(*ring, done);
    memset(v.memory + kHeaderSize, 0, 100);
    commit(*ring, v, RecordHeader{0, static_cast<uint16_t>(RecordKind::call), 0, 0, 0, 100, 1, 1, 7, 0});
    EXPECT_FALSE(make_void(*ring, done));
    RingReader reader(*ring, 0);
    uint8_t copy[kMaxRecord];
    size_t size = 0;
    ASSERT_EQ(reader.next(copy, &size), ReadStatus::record);
    EXPECT_EQ(RecordView(copy, size).header().time, 7u);
    const Claim late = claim(*ring, 100);
    prepare(*ring, late);
    EXPECT_EQ(reader.next(copy, &size, true), ReadStatus::skipped);
    reader.publish();
    const uint64_t stamp = *(*ring).stamp(late.pos);
    EXPECT_FALSE(make_void(*ring, late));
    EXPECT_EQ(*(*ring).stamp(late.pos), stamp) << "it may be another's by now";
}

TEST(Ring, ManyThreadsLoseNothing) {
    constexpr uint32_t kWriters = 4;
    constexpr uint64_t kEach = 30000;
    constexpr size_t kMaxData = 300;
    TestRing ring(256);
    std::vector<std::thread> writers;
    for (uint32_t w = 0; w < kWriters; ++w)
        writers.emplace_back([&ring, w] {
            for (uint64_t seq = 0; seq < kEach;) {
                if (write_record(*ring, w, seq, kMaxData)) ++seq;
                else std::this_thread::yield();
            }
        });
    RingReader reader(*ring, 0);
    std::map<uint32_t, uint64_t> next;
    uint64_t total = 0, bad = 0;
    uint8_t copy[kMaxRecord];
    size_t size = 0;
    while (total < kWriters * kEach && bad == 0) {
        const ReadStatus s = reader.next(copy, &size);
        if (s == ReadStatus::record) {
            const RecordHeader h = RecordView(copy, size).header();
            bad += !check_record(copy, size, kMaxData) || next[h.tid]++ != h.time;
            ++total;
        } else {
            bad += s != ReadStatus::empty && s != ReadStatus::waiting;
            std::this_thread::yield();
        }
        reader.publish();
    }
    for (std::thread& t : writers) t.join();
    EXPECT_EQ(bad, 0u);
    EXPECT_EQ(total, kWriters * kEach);
}

// A writer interrupted anywhere by a handler that writes, reads and publishes: nothing is lost, and a ring with room never
// says that it is full because the tail overtook the head that the writer had loaded.
struct Interrupted {
    const Ring* ring = nullptr;
    RingReader reader;
    uint64_t written = 0, read = 0, refused = 0, bad = 0;
    volatile sig_atomic_t signals = 0;
} interrupted;

void put_one(uint32_t writer) {
    const Reservation v = reserve(*interrupted.ring, 0);
    if (v.n == 0) ++interrupted.refused;
    else {
        commit(*interrupted.ring, v, testing::header_of(writer, 1, 0));
        __atomic_fetch_add(&interrupted.written, 1, __ATOMIC_RELAXED);
    }
}

void take_all() {
    uint8_t copy[kHeaderSize + kGranule];
    size_t size = 0;
    while (interrupted.reader.next(copy, &size) == ReadStatus::record) {
        interrupted.bad += size != kHeaderSize;
        ++interrupted.read;
    }
    interrupted.reader.publish();
}

void on_alarm(int) {
    interrupted.signals = interrupted.signals + 1;
    for (int i = 0; i < 3; ++i) put_one(2);
    take_all();
}

TEST(Ring, SignalHandlersMayInterruptWriters) {
    TestRing ring(64);
    interrupted = {&*ring, RingReader(*ring, 0)};
    struct sigaction action {}, old{};
    action.sa_handler = on_alarm;
    ASSERT_EQ(sigaction(SIGALRM, &action, &old), 0);
    const itimerval fast{{0, 50}, {0, 50}}, off{};
    setitimer(ITIMER_REAL, &fast, nullptr);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (interrupted.signals < 8000 && std::chrono::steady_clock::now() < deadline)
        for (int i = 0; i < 1000; ++i) {
            const uint64_t used = (*ring).control->head - __atomic_load_n(&(*ring).control->tail, __ATOMIC_ACQUIRE);
            if (used < 48) put_one(1);
        }
    setitimer(ITIMER_REAL, &off, nullptr);
    sigaction(SIGALRM, &old, nullptr);
    take_all();
    EXPECT_GT(interrupted.signals, 100);
    EXPECT_EQ(interrupted.refused, 0u);
    EXPECT_EQ(interrupted.bad, 0u);
    EXPECT_EQ(interrupted.read, interrupted.written);
}

}  // namespace
}  // namespace undercoat::wire
