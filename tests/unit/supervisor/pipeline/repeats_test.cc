// Repeats: only the same record of the same process in the same epoch is a repeat.
#include "supervisor/pipeline/repeats.h"

#include "wire/local/record.h"

#include <cstring>
#include <gtest/gtest.h>

namespace undercoat::pipeline {
namespace {

struct Bytes {
    uint8_t data[wire::kHeaderSize + 64] = {};
    Bytes() {
        for (size_t i = 0; i < sizeof data; ++i) data[i] = static_cast<uint8_t>(i * 7);
    }
};

const Repeats::Known* ask(Repeats& r, const Bytes& b, int64_t owner = 1, uint64_t epoch = 1) {
    return r.find(owner, b.data, sizeof b.data, epoch);
}

TEST(Repeats, KnowsARememberedRecordWhateverItsStampAndTime) {
    Repeats r;
    Bytes b;
    EXPECT_EQ(ask(r, b), nullptr);
    r.remember(std::nullopt, 1);
    for (size_t at : {0u, 7u, 24u, 31u}) b.data[at] ^= 0xff;
    EXPECT_NE(ask(r, b), nullptr);
}

TEST(Repeats, AnyOtherByteMakesAnotherRecord) {
    for (size_t at = 0; at < sizeof Bytes().data; ++at) {
        const bool stamp_or_time = at < 8 || (at >= 24 && at < 32);
        if (stamp_or_time) continue;
        Repeats r;
        Bytes b;
        ask(r, b);
        r.remember(std::nullopt, 1);
        b.data[at] ^= 1;
        EXPECT_EQ(ask(r, b), nullptr) << at;
    }
}

TEST(Repeats, AnotherProcessOrEpochOrLengthIsNoRepeat) {
    Repeats r;
    Bytes b;
    ask(r, b);
    r.remember(std::nullopt, 1);
    EXPECT_EQ(ask(r, b, 2), nullptr);
    EXPECT_EQ(ask(r, b, 1, 2), nullptr);
    EXPECT_EQ(r.find(1, b.data, sizeof b.data - 1, 1), nullptr);
    EXPECT_NE(ask(r, b), nullptr);
}

TEST(Repeats, KeepsWhatTheCallOpened) {
    Repeats r;
    Bytes b;
    ask(r, b);
    state::FdInfo info;
    info.name = "/etc/hostname";
    r.remember(Repeats::Opened{3, info}, 1);
    const Repeats::Known* known = ask(r, b);
    ASSERT_NE(known, nullptr);
    ASSERT_TRUE(known->opened);
    EXPECT_EQ(known->opened->number, 3);
    EXPECT_EQ(known->opened->info.name, "/etc/hostname");
}

TEST(Repeats, ForgetsACandidateAndRefusesOversize) {
    Repeats r;
    Bytes b;
    ask(r, b);
    r.forget_candidate();
    r.remember(std::nullopt, 1);
    EXPECT_EQ(ask(r, b), nullptr);
    std::vector<uint8_t> large(Repeats::kMaxRecord + 1);
    EXPECT_EQ(r.find(1, large.data(), large.size(), 1), nullptr);
    r.remember(std::nullopt, 1);
    EXPECT_EQ(r.find(1, large.data(), large.size(), 1), nullptr);
    EXPECT_EQ(r.find(1, large.data(), 3, 1), nullptr);
}

}  // namespace
}  // namespace undercoat::pipeline
