// Alerts over the death of a supervisor: none is taken for written that was not, however much it resembles another.
#include "supervisor/outputs/alert_journal.h"

#include <gtest/gtest.h>

#include <memory>

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
        *j.progress() += 250;  // the third line: half
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
        *second.progress() += 300;
    }
    AlertJournal third(shared.get());
    EXPECT_FALSE(third.written_before({1, 10}, "R"));
    EXPECT_TRUE(third.written_before({1, 20}, "R"));
}

TEST_F(JournalTest, SurvivesSeveralDeaths) {
    {
        AlertJournal first(shared.get());
        first.note({1, 10}, "R", 100);
        *first.progress() += 100;
    }
    { AlertJournal second(shared.get()); }
    AlertJournal third(shared.get());
    EXPECT_TRUE(third.written_before({1, 10}, "R"));
}

TEST_F(JournalTest, TheOldestGivesWayToTheNewest) {
    {
        AlertJournal j(shared.get());
        for (uint64_t i = 0; i <= wire::kJournalEntries; ++i) j.note({1, i}, "R", 1);
        *j.progress() += wire::kJournalEntries + 1;
    }
    AlertJournal j(shared.get());
    EXPECT_FALSE(j.written_before({1, 0}, "R"));
    EXPECT_TRUE(j.written_before({1, 1}, "R"));
    EXPECT_TRUE(j.written_before({1, wire::kJournalEntries}, "R"));
}

TEST_F(JournalTest, WithoutAJournalAndWithoutARingNothingIsKnown) {
    AlertJournal none(nullptr);
    none.note({1, 10}, "R", 100);
    EXPECT_EQ(none.progress(), nullptr);
    EXPECT_FALSE(none.written_before({1, 10}, "R"));
    {
        AlertJournal j(shared.get());
        j.note({0, 10}, "R", 100);
        *j.progress() += 100;
    }
    EXPECT_FALSE(AlertJournal(shared.get()).written_before({0, 10}, "R"));
}

}  // namespace
}  // namespace undercoat::outputs
