// The reader's side of the ring against dead writers and hostile memory.
#include "wire/local/ring_reader.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/wire/local/test_ring.h"

namespace undercoat::wire {
namespace {

using testing::check_record;
using testing::TestRing;
using testing::write_record;

struct Reading {
    uint8_t copy[kMaxRecord];
    size_t size = 0;
};

TEST(RingReader, EmptyRingIsEmpty) {
    TestRing ring(64);
    RingReader reader(*ring, 0);
    Reading r;
    EXPECT_EQ(reader.next(r.copy, &r.size), ReadStatus::empty);
    EXPECT_EQ(reader.next(r.copy, &r.size, true), ReadStatus::empty);
}

TEST(RingReader, WaitsForAReservedRecordThenSkipsExactlyIt) {
    TestRing ring(64);
    RingReader reader(*ring, 0);
    Reading r;
    const Reservation dead = reserve(*ring, 300);
    ASSERT_NE(dead.n, 0u);
    ASSERT_TRUE(write_record(*ring, 1, 7, 100));
    EXPECT_EQ(reader.next(r.copy, &r.size), ReadStatus::waiting);
    EXPECT_EQ(reader.position(), 0u);
    EXPECT_EQ(reader.next(r.copy, &r.size, true), ReadStatus::skipped);
    EXPECT_EQ(reader.position(), dead.n);
    ASSERT_EQ(reader.next(r.copy, &r.size), ReadStatus::record);
    EXPECT_TRUE(check_record(r.copy, r.size, 100));
    EXPECT_EQ(reader.next(r.copy, &r.size), ReadStatus::empty);
}

// The writer died between moving the head and writing its first stamp: nothing says how long the hole is.
TEST(RingReader, FindsTheNextRecordBehindAnUnstampedHole) {
    TestRing ring(64);
    RingReader reader(*ring, 0);
    Reading r;
    (*ring).control->head += 5;
    ASSERT_TRUE(write_record(*ring, 1, 7, 100));
    EXPECT_EQ(reader.next(r.copy, &r.size), ReadStatus::waiting);
    EXPECT_EQ(reader.next(r.copy, &r.size, true), ReadStatus::skipped);
    EXPECT_EQ(reader.position(), 5u);
    ASSERT_EQ(reader.next(r.copy, &r.size), ReadStatus::record);
    EXPECT_TRUE(check_record(r.copy, r.size, 100));
}

TEST(RingReader, ALiveWriterBehindAHoleIsNotSkippedWithIt) {
    TestRing ring(64);
    RingReader reader(*ring, 0);
    Reading r;
    (*ring).control->head += 5;
    const size_t payload = testing::payload_of(1, 7, 100);
    const Reservation live = reserve(*ring, payload);
    ASSERT_TRUE(write_record(*ring, 1, 8, 100));
    EXPECT_EQ(reader.next(r.copy, &r.size, true), ReadStatus::skipped);
    EXPECT_EQ(reader.position(), live.pos);
    EXPECT_EQ(reader.next(r.copy, &r.size), ReadStatus::waiting);
    testing::fill_payload(live.memory + kHeaderSize, payload, 1, 7);
    commit(*ring, live, testing::header_of(1, 7, payload));
    ASSERT_EQ(reader.next(r.copy, &r.size), ReadStatus::record);
    EXPECT_EQ(RecordView(r.copy, r.size).header().time, 7u);
    ASSERT_EQ(reader.next(r.copy, &r.size), ReadStatus::record);
    EXPECT_EQ(RecordView(r.copy, r.size).header().time, 8u);
}

TEST(RingReader, RecordsOfAnEarlierLapAreNotReadAgain) {
    TestRing ring(64);
    RingReader reader(*ring, 0);
    Reading r;
    for (uint64_t i = 0; i < 200; ++i) {
        ASSERT_TRUE(write_record(*ring, 1, i, 100));
        ASSERT_EQ(reader.next(r.copy, &r.size), ReadStatus::record);
        reader.publish();
    }
    (*ring).control->head += 3;  // reserved by a writer that died: old records of the last lap lie there
    EXPECT_EQ(reader.next(r.copy, &r.size), ReadStatus::waiting);
    EXPECT_EQ(reader.next(r.copy, &r.size, true), ReadStatus::skipped);
    EXPECT_EQ(reader.next(r.copy, &r.size), ReadStatus::empty);
}

TEST(RingReader, AHeadThatContradictsThePositionIsCorrupt) {
    TestRing ring(64);
    Reading r;
    (*ring).control->head = 65;
    EXPECT_EQ(RingReader(*ring, 0).next(r.copy, &r.size), ReadStatus::corrupt);
    (*ring).control->head = 0;
    EXPECT_EQ(RingReader(*ring, 1).next(r.copy, &r.size), ReadStatus::corrupt);
}

TEST(RingReader, APayloadLongerThanItsGranulesIsSkipped) {
    TestRing ring(64);
    RingReader reader(*ring, 0);
    Reading r;
    const Reservation v = reserve(*ring, 100);
    commit(*ring, v, testing::header_of(1, 1, 60000));
    EXPECT_EQ(reader.next(r.copy, &r.size), ReadStatus::skipped);
    EXPECT_EQ(reader.position(), v.n);
}

// A record near the end of the memory that claims to go on beyond it.
TEST(RingReader, ARecordThatClaimsToCrossTheEndIsNotRead) {
    TestRing ring(64);
    (*ring).control->head = 70;
    __atomic_store_n((*ring).stamp(62), make_stamp(62, 64, 5, kStateCommitted), __ATOMIC_RELEASE);
    RingReader reader(*ring, 62);
    Reading r;
    EXPECT_EQ(reader.next(r.copy, &r.size), ReadStatus::waiting);
    EXPECT_EQ(reader.next(r.copy, &r.size, true), ReadStatus::skipped);
}

// Positions only grow, every call ends, and what is handed out is within bounds, whatever the memory holds.
TEST(RingReader, RandomMemoryIsBounded) {
    std::mt19937_64 rng(21);
    for (int round = 0; round < 3000; ++round) {
        TestRing ring(64);
        const uint64_t start = rng() % 3 ? rng() % 1000 : rng();
        for (uint64_t pos = start; pos != start + 64; ++pos)
            if (rng() % 3) {
                uint64_t words[8];
                for (uint64_t& w : words) w = rng() % 4 ? rng() & rng() & rng() : 0;
                words[0] = make_stamp(pos, 64, rng() % 9, 1 + rng() % 3);
                std::memcpy((*ring).at(pos), words, sizeof words);
            }
        (*ring).control->head = start + rng() % 66;
        RingReader reader(*ring, start);
        Reading r;
        uint64_t steps = 0;
        for (ReadStatus s; (s = reader.next(r.copy, &r.size, true)) != ReadStatus::empty && s != ReadStatus::corrupt;) {
            ASSERT_LE(++steps, 65u);
            ASSERT_TRUE(s != ReadStatus::record || r.size <= kMaxRecord);
        }
    }
}

}  // namespace
}  // namespace undercoat::wire
