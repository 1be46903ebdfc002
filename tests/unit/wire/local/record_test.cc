// Property tests of the record: what PayloadWriter writes RecordView reads back; what is damaged is refused or bounded.
#include "wire/local/record.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace undercoat::wire {
namespace {

struct Item {
    Tag tag;
    uint8_t index;
    std::string data;
};

std::vector<uint8_t> build(const std::vector<Item>& items, size_t capacity, size_t* kept = nullptr) {
    std::vector<uint8_t> out(kHeaderSize + capacity);
    PayloadWriter w(out.data() + kHeaderSize, out.data() + out.size());
    size_t n = 0;
    for (const Item& i : items) {
        const size_t before = w.size();
        w.put(i.tag, i.index, i.data.data(), i.data.size());
        n += w.size() != before;
    }
    if (kept) *kept = n;
    RecordHeader h{};
    h.kind = static_cast<uint16_t>(RecordKind::call);
    h.payload = static_cast<uint16_t>(w.size());
    std::memcpy(out.data(), &h, sizeof h);
    out.resize(kHeaderSize + w.size());
    return out;
}

std::vector<Item> random_items(std::mt19937& rng, size_t max_items, size_t max_data) {
    std::vector<Item> items(rng() % (max_items + 1));
    for (Item& i : items) {
        i.tag = static_cast<Tag>(rng() % 30);
        i.index = static_cast<uint8_t>(rng());
        i.data.resize(rng() % (max_data + 1));
        for (char& c : i.data) c = static_cast<char>(rng());
    }
    return items;
}

TEST(Record, RandomTlvsRoundTrip) {
    std::mt19937 rng(1);
    for (int round = 0; round < 2000; ++round) {
        const std::vector<Item> items = random_items(rng, 12, 200);
        const std::vector<uint8_t> bytes = build(items, kMaxRecord - kHeaderSize);
        RecordView view(bytes.data(), bytes.size());
        ASSERT_TRUE(view.valid());
        size_t at = 0;
        view.each([&](Tlv t) {
            EXPECT_LT(at, items.size());
            EXPECT_EQ(t.tag, items[at].tag);
            EXPECT_EQ(t.index, items[at].index);
            EXPECT_EQ(std::string(reinterpret_cast<const char*>(t.data), t.size), items[at].data);
            return ++at < items.size();
        });
        ASSERT_EQ(at, items.size());
    }
}

TEST(Record, WriterNeverPassesItsEnd) {
    std::mt19937 rng(2);
    for (int round = 0; round < 2000; ++round) {
        const std::vector<Item> items = random_items(rng, 12, 200);
        const size_t capacity = rng() % 600;
        std::vector<uint8_t> memory(capacity + 64, 0xee);
        PayloadWriter w(memory.data(), memory.data() + capacity);
        size_t written = 0;
        bool left_out = false;
        for (const Item& i : items) {
            const bool room = capacity - written >= PayloadWriter::tlv(i.data.size());
            w.put(i.tag, i.index, i.data.data(), i.data.size());
            if (room) written += PayloadWriter::tlv(i.data.size());
            left_out = left_out || !room;
            ASSERT_EQ(w.size(), written);
        }
        ASSERT_EQ(w.overflowed(), left_out);
        for (size_t i = capacity; i < memory.size(); ++i) ASSERT_EQ(memory[i], 0xee);
    }
}

TEST(Record, LengthsBeyondSixteenBitsAreLeftOut) {
    std::vector<uint8_t> memory(0x20000), big(0x10000);
    PayloadWriter w(memory.data(), memory.data() + memory.size());
    w.put(Tag::path, 0, big.data(), 0x10000);
    EXPECT_TRUE(w.overflowed());
    EXPECT_EQ(w.size(), 0u);
}

// Reads everything of a view and fails when a TLV lies outside the copy.
void expect_bounded(const std::vector<uint8_t>& bytes) {
    RecordView view(bytes.data(), bytes.size());
    if (!view.valid()) return;
    view.each([&](Tlv t) {
        EXPECT_GE(t.data, bytes.data() + kHeaderSize);
        EXPECT_LE(t.data + t.size, bytes.data() + bytes.size());
        return true;
    });
}

TEST(Record, EveryTruncationIsRefused) {
    std::mt19937 rng(3);
    for (int round = 0; round < 50; ++round) {
        const std::vector<uint8_t> bytes = build(random_items(rng, 6, 40), 4096);
        for (size_t n = 0; n < bytes.size(); ++n) {
            const std::vector<uint8_t> cut(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(n));
            ASSERT_FALSE(RecordView(cut.data(), cut.size()).valid()) << n << " of " << bytes.size();
        }
    }
}

TEST(Record, EveryBitFlipIsRefusedOrBounded) {
    std::mt19937 rng(4);
    for (int round = 0; round < 50; ++round) {
        std::vector<uint8_t> bytes = build(random_items(rng, 6, 40), 4096);
        for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
            bytes[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
            expect_bounded(bytes);
            bytes[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
        }
    }
}

TEST(Record, RandomBytesAreRefusedOrBounded) {
    std::mt19937 rng(5);
    for (int round = 0; round < 20000; ++round) {
        std::vector<uint8_t> bytes(rng() % 400);
        for (uint8_t& b : bytes) b = static_cast<uint8_t>(rng() % 3 ? rng() : 0);
        if (bytes.size() > 15) bytes[15] = 0;  // else nearly every payload length is beyond the copy
        expect_bounded(bytes);
    }
}

TEST(Record, LongerThanTheLimitIsRefused) {
    std::vector<uint8_t> bytes(kMaxRecord + 1);
    EXPECT_TRUE(RecordView(bytes.data(), kMaxRecord).valid());
    EXPECT_FALSE(RecordView(bytes.data(), kMaxRecord + 1).valid());
}

TEST(Record, GranulesCoverTheRecord) {
    for (size_t payload = 0; payload <= kMaxRecord - kHeaderSize; ++payload) {
        const size_t n = granules_for(payload);
        ASSERT_GE(n * kGranule, kHeaderSize + payload);
        ASSERT_LT((n - 1) * kGranule, kHeaderSize + payload);
    }
}

}  // namespace
}  // namespace undercoat::wire
