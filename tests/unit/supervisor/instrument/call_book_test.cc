// Records that wait for their results: each comes out once, as it went in.
#include "supervisor/instrument/call_book.h"

#include <gtest/gtest.h>

namespace undercoat::instrument {
namespace {

TEST(CallBook, GivesEachRecordOnce) {
    CallBook book;
    const uint8_t one[] = {1, 2, 3}, other[] = {9};
    wire::RecordHeader h{};
    h.call = 1;
    book.put(5, h, one, sizeof one);
    h.call = 2;
    book.put(6, h, other, sizeof other);
    CallBook::Entry e;
    ASSERT_TRUE(book.take(5, e));
    EXPECT_EQ(e.header.call, 1);
    EXPECT_EQ(e.payload, (std::vector<uint8_t>{1, 2, 3}));
    EXPECT_FALSE(book.take(5, e));
    book.give_back(std::move(e));
    ASSERT_TRUE(book.take(6, e));
    EXPECT_EQ(e.payload, (std::vector<uint8_t>{9}));
    EXPECT_EQ(book.size(), 0u);
}

TEST(CallBook, LeavesNothingOfAnOlderRecord) {
    CallBook book;
    const std::vector<uint8_t> large(1000, 7);
    book.put(1, {}, large.data(), large.size());
    CallBook::Entry e;
    ASSERT_TRUE(book.take(1, e));
    book.give_back(std::move(e));
    const uint8_t little[] = {3};
    book.put(2, {}, little, 1);
    ASSERT_TRUE(book.take(2, e));
    EXPECT_EQ(e.payload.size(), 1u);
}

}  // namespace
}  // namespace undercoat::instrument
