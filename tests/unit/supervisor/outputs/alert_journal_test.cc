// Alerts over the death of a supervisor: none is taken for written that was not, however much it resembles another.
#include "supervisor/outputs/alert_journal.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>

namespace undercoat::outputs {
namespace {

using event::EventId;

struct JournalTest : ::testing::Test {
    std::unique_ptr<wire::AlertJournal> shared = std::make_unique<wire::AlertJournal>();
};

TEST_F(JournalTest, OnlyWhatWasWrittenWholeIsKnownAfterwards) {
    {
        AlertJournal j(shared.get());
        j.note({1, 10}, "R", 100);
        j.note({1, 20}, "R", 100);
        j.note({1, 30}, "R", 100);
        EXPECT_FALSE(j.written_before({1, 10}, "R")) << "its own alerts are no repeats";
        *j.progress().written += 250;  // the third line: half
    }
    AlertJournal j(shared.get());
    EXPECT_TRUE(j.written_before({1, 10}, "R"));
    EXPECT_TRUE(j.written_before({1, 20}, "R"));
    EXPECT_FALSE(j.written_before({1, 30}, "R"));
    EXPECT_FALSE(j.written_before({1, 10}, "S")) << "another rule";
    EXPECT_FALSE(j.written_before({2, 10}, "R")) << "another ring";
}

TEST_F(JournalTest, WhatDiedUnwrittenNeverLooksWritten) {
    AlertJournal(shared.get()).note({1, 10}, "R", 100);
    {
        AlertJournal second(shared.get());
        second.note({1, 20}, "R", 300);
        *second.progress().written += 300;
    }
    AlertJournal third(shared.get());
    EXPECT_FALSE(third.written_before({1, 10}, "R"));
    EXPECT_TRUE(third.written_before({1, 20}, "R"));
}

TEST_F(JournalTest, SurvivesSeveralDeaths) {
    {
        AlertJournal first(shared.get());
        first.note({1, 10}, "R", 100);
        *first.progress().written += 100;
    }
    { AlertJournal second(shared.get()); }
    AlertJournal third(shared.get());
    EXPECT_TRUE(third.written_before({1, 10}, "R"));
}

TEST_F(JournalTest, TheOldestGivesWayToTheNewest) {
    {
        AlertJournal j(shared.get());
        for (uint64_t i = 0; i <= wire::kJournalEntries; ++i) j.note({1, i}, "R", 1);
        *j.progress().written += wire::kJournalEntries + 1;
    }
    AlertJournal j(shared.get());
    EXPECT_FALSE(j.written_before({1, 0}, "R"));
    EXPECT_TRUE(j.written_before({1, 1}, "R"));
    EXPECT_TRUE(j.written_before({1, wire::kJournalEntries}, "R"));
}

TEST_F(JournalTest, WithoutAJournalAndWithoutARingNothingIsKnown) {
    AlertJournal none(nullptr);
    none.note({1, 10}, "R", 100);
    EXPECT_EQ(none.progress().written, nullptr);
    EXPECT_FALSE(none.written_before({1, 10}, "R"));
    {
        AlertJournal j(shared.get());
        j.note({0, 10}, "R", 100);
        *j.progress().written += 100;
    }
    EXPECT_FALSE(AlertJournal(shared.get()).written_before({0, 10}, "R"));
}

TEST_F(JournalTest, ALineThatTheWriterRefusedIsNoneOfTheCount) {
    {
        AlertJournal j(shared.get());
        j.note({1, 10}, "R", 100);
        j.withdraw(100);
        j.note({1, 20}, "R", 50);
        j.note({0, 25}, "R", 70);
        j.withdraw(70);
        j.note({1, 30}, "R", 60);
        *j.progress().written += 50 + 59;
    }
    AlertJournal j(shared.get());
    EXPECT_FALSE(j.written_before({1, 10}, "R"));
    EXPECT_TRUE(j.written_before({1, 20}, "R"));
    EXPECT_FALSE(j.written_before({1, 30}, "R"));
}

TEST_F(JournalTest, BytesThatAreNoAlertCount) {
    *AlertJournal(shared.get()).progress().torn = 1;
    {
        AlertJournal j(shared.get());
        EXPECT_TRUE(j.was_torn());
        j.note_bytes(1);
        j.note({1, 10}, "R", 100);
        *j.progress().written += 100;
        *j.progress().torn = 0;
    }
    AlertJournal j(shared.get());
    EXPECT_FALSE(j.was_torn());
    EXPECT_FALSE(j.written_before({1, 10}, "R")) << "its last byte was not written";
}

// A death at any store of note(): the entry that was being made is unknown, all others are as they were.
TEST_F(JournalTest, AHalfMadeEntryIsNeverTakenForWritten) {
    const auto fill = [this] {
        *shared = {};
        AlertJournal j(shared.get());
        for (uint64_t i = 1; i <= wire::kJournalEntries; ++i) j.note({1, i}, "R", 10);
        *j.progress().written += wire::kJournalEntries * 10;
    };
    for (int stores = 1; stores <= 5; ++stores) {
        fill();
        wire::JournalEntry& e = shared->entries[shared->next % wire::kJournalEntries];
        if (stores >= 1) e.end = 0;
        if (stores >= 2) e.position = 777777;
        if (stores >= 3) e.ring = 1;
        if (stores >= 4) e.rule = shared->entries[1].rule;
        if (stores >= 5) e.end = shared->written + 10;  // but not yet `next`, nor any byte of its line
        AlertJournal j(shared.get());
        EXPECT_FALSE(j.written_before({1, 777777}, "R")) << stores;
        EXPECT_FALSE(j.written_before({1, 1}, "R")) << stores;
        EXPECT_TRUE(j.written_before({1, 2}, "R")) << stores;
        j.note({1, 778}, "R", 10);
        *j.progress().written += 10;
        EXPECT_TRUE(AlertJournal(shared.get()).written_before({1, 778}, "R")) << stores;
        EXPECT_FALSE(AlertJournal(shared.get()).written_before({1, 777777}, "R")) << stores;
    }
}

TEST_F(JournalTest, AnyContentIsBorne) {
    std::mt19937_64 random(1);
    for (int round = 0; round < 20; ++round) {
        auto* words = reinterpret_cast<uint64_t*>(shared.get());
        for (size_t i = 0; i < sizeof *shared / sizeof *words; ++i) words[i] = round == 0 ? ~uint64_t{0} : random();
        AlertJournal j(shared.get());
        for (uint64_t i = 0; i < 1000; ++i) {
            j.note({3, i}, "R", 100);
            if (i % 3 == 0) j.withdraw(100);
            j.written_before({3, i}, "R");
        }
    }
}

}  // namespace
}  // namespace undercoat::outputs
