// Writers in other processes that are killed at random points: what arrives is whole, arrives once, and what is missing is
// the record that the killed writer was working on.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <random>
#include <set>

#include "tests/unit/wire/local/test_ring.h"

namespace undercoat::wire {
namespace {

using testing::check_record;
using testing::TestRing;
using testing::write_record;

constexpr size_t kMaxData = 500;

[[noreturn]] void write_for_ever(const Ring& ring, uint32_t writer, uint64_t* done) {
    for (uint64_t seq = 0;;) {
        if (!write_record(ring, writer, seq, kMaxData)) continue;
        __atomic_store_n(done, ++seq, __ATOMIC_RELEASE);
    }
}

// What the parent has seen of one writer.
struct Seen {
    std::set<uint64_t> seqs;
    pid_t pid = 0;
};

struct Totals {
    uint64_t records = 0, torn = 0, twice = 0, holes = 0;
};

void take(RingReader& reader, std::vector<Seen>& seen, Totals& totals, bool skip_holes) {
    uint8_t copy[kMaxRecord];
    size_t size = 0;
    const ReadStatus s = reader.next(copy, &size, skip_holes);
    if (s == ReadStatus::skipped) ++totals.holes;
    if (s != ReadStatus::record) return;
    ++totals.records;
    const RecordHeader h = RecordView(copy, size).header();
    if (!check_record(copy, size, kMaxData) || h.tid >= seen.size()) ++totals.torn;
    else if (!seen[h.tid].seqs.insert(h.time).second) ++totals.twice;
    reader.publish();
}

uint64_t now_ns() {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<uint64_t>(t.tv_sec) * 1000000000u + static_cast<uint64_t>(t.tv_nsec);
}

TEST(RingKill, KilledWritersLeaveOnlyHoles) {
    constexpr uint32_t kWriters = 60;
    TestRing ring(1024);
    auto* done = static_cast<uint64_t*>(
        mmap(nullptr, kWriters * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(done, MAP_FAILED);
    RingReader reader(*ring, 0);
    std::vector<Seen> seen(kWriters);
    Totals totals;
    std::mt19937 rng(31);
    for (uint32_t first = 0; first < kWriters; first += 2) {
        for (uint32_t w = first; w < first + 2; ++w) {
            seen[w].pid = fork();
            ASSERT_GE(seen[w].pid, 0);
            if (seen[w].pid == 0) write_for_ever(*ring, w, &done[w]);
        }
        for (uint32_t w = first; w < first + 2; ++w) {
            const uint64_t until = now_ns() + 1000000 + rng() % 9000000;
            while (now_ns() < until || __atomic_load_n(&done[w], __ATOMIC_ACQUIRE) == 0) take(reader, seen, totals, false);
            ASSERT_EQ(kill(seen[w].pid, SIGKILL), 0);
            ASSERT_EQ(waitpid(seen[w].pid, nullptr, 0), seen[w].pid);
        }
        // Both writers are dead: what is not committed now never will be.
        while (reader.position() != reader.head()) take(reader, seen, totals, true);
        reader.publish();
    }
    EXPECT_EQ(totals.torn, 0u);
    EXPECT_EQ(totals.twice, 0u);
    EXPECT_GT(totals.records, kWriters * 10u);
    EXPECT_LE(totals.holes, kWriters);
    for (uint32_t w = 0; w < kWriters; ++w) {
        EXPECT_GE(seen[w].seqs.size(), done[w]) << "a committed record of writer " << w << " is missing";
        EXPECT_LE(seen[w].seqs.size(), done[w] + 1);
    }
    munmap(done, kWriters * sizeof(uint64_t));
}

}  // namespace
}  // namespace undercoat::wire
