// The store: what is committed is found again, once, across files and restarts.
#include "collector/store/sqlite_store.h"

#include <gtest/gtest.h>
#include <unistd.h>
#include <filesystem>
#include <set>

namespace undercoat::collector {
namespace {

class StoreTest : public testing::Test {
protected:
    void SetUp() override {
        char name[] = "/tmp/collector-store-XXXXXX";
        ASSERT_NE(::mkdtemp(name), nullptr);
        settings_.directory = name;
    }
    void TearDown() override {
        store_.reset();
        std::filesystem::remove_all(settings_.directory);
    }
    void open() {
        store_.reset();
        auto s = SqliteStore::open(settings_);
        ASSERT_TRUE(s) << s.error();
        store_ = std::move(*s);
    }
    static remote::Alert alert(uint64_t number, const std::string& process = "cat", unsigned severity = 4) {
        remote::Alert a;
        a.number = number;
        a.time_ns = static_cast<uint64_t>(now_ns());
        a.severity = severity;
        a.rule = severity < 4 ? "Bad thing" : "Odd thing";
        a.source = "syscall";
        a.hostname = "web-1";
        a.message = "process " + process + " number " + std::to_string(number);
        a.tags = {"t"};
        a.fields = "{\"proc.name\":\"" + process + "\"}";
        a.context = "{}";
        return a;
    }
    Stored commit(uint64_t from, uint64_t to, const std::string& process = "cat", uint32_t stream = 1) {
        Incoming in{"agent", 7, stream, true, {}, {}};
        for (uint64_t n = from; n <= to; ++n) in.alerts.push_back(alert(n, process));
        auto s = store_->commit({in});
        EXPECT_TRUE(s) << s.error();
        return s ? std::move(*s) : Stored{};
    }
    std::vector<std::string> find(const std::string& condition, const std::string& words = "", size_t limit = 1000) {
        Search s;
        if (!condition.empty()) s.filter = std::get<0>(Filter::compile(condition));
        s.words = words;
        s.limit = limit;
        std::vector<std::string> out;
        auto page = store_->search(s);
        EXPECT_TRUE(page) << page.error();
        for (const AlertRecord& r : page->alerts) out.push_back(r.message);
        return out;
    }
    StoreSettings settings_;
    std::unique_ptr<SqliteStore> store_;
};

TEST_F(StoreTest, FindsByFieldsWordsAndPriority) {
    open();
    commit(1, 3, "cat");
    commit(4, 5, "curl");
    EXPECT_EQ(find("").size(), 5U);
    EXPECT_EQ(find("").front(), "process curl number 5") << "newest first";
    EXPECT_EQ(find("proc.name = curl").size(), 2U);
    EXPECT_EQ(find("proc.name startswith c and not proc.name = curl").size(), 3U);
    EXPECT_EQ(find("", "curl 5").size(), 1U);
    EXPECT_EQ(find("", "cur*").size(), 2U);
    EXPECT_EQ(find("", "nothing").size(), 0U);
    EXPECT_EQ(find("proc.name = cat", "number 2").size(), 1U);
    for (const char* q : {"cat—5", "process’s", "—", "ca\xff", "“curl”", "*", "NÜMBER"}) find("", q);
    EXPECT_EQ(find("", "“CÙRL”—5").size(), 1U) << "without case, accents and what is between words";
    EXPECT_EQ(find("", "\") OR (\"").size(), 0U) << "the index's language is not reachable";
}

TEST_F(StoreTest, StoresWhatComesAgainOnce) {
    open();
    commit(1, 10);
    EXPECT_EQ(commit(5, 12).duplicates, 6U);
    open();
    EXPECT_EQ(commit(1, 13).duplicates, 12U);
    EXPECT_EQ(commit(1, 2, "cat", 2).duplicates, 0U) << "another stream";
    EXPECT_EQ(find("").size(), 15U);
}

TEST_F(StoreTest, CountsNumbersThatNeverCame) {
    open();
    EXPECT_EQ(commit(3, 4).each.at(0).missing, 2);
    EXPECT_EQ(commit(5, 5).each.at(0).missing, 0);
    EXPECT_EQ(commit(9, 9).each.at(0).missing, 3);
}

TEST_F(StoreTest, TakesWhatWasPassedOverWhenItComesAfterAll) {
    open();
    EXPECT_EQ(commit(11, 20).each.at(0).missing, 10);
    open();
    EXPECT_EQ(commit(4, 6).each.at(0).missing, -3);
    EXPECT_EQ(commit(4, 6).duplicates, 3U);
    const Stored rest = commit(1, 20);
    EXPECT_EQ(rest.each.at(0).stored, 7U);
    EXPECT_EQ(rest.each.at(0).missing, -7);
    EXPECT_EQ(commit(1, 20).duplicates, 20U);
    EXPECT_EQ(find("").size(), 20U);
}

TEST(StreamProgress, TakesEachNumberOnceInAnyOrder) {
    StreamProgress p;
    int64_t missing = 0;
    for (uint64_t n = 100; n > 0; n -= 2) EXPECT_TRUE(p.take(n, missing));
    EXPECT_EQ(missing, 50);
    EXPECT_EQ(p.gaps.size(), 50U);
    StreamProgress again;
    again.number = p.number;
    again.read_gaps(p.gaps_text());
    EXPECT_EQ(again.gaps, p.gaps);
    for (uint64_t n = 1; n <= 100; ++n) EXPECT_EQ(again.take(n, missing), n % 2 == 1);
    EXPECT_EQ(missing, 0);
    EXPECT_EQ(again.gaps_text(), "");
    for (uint64_t n = 102; n < 1000; n += 2) again.take(n, missing);
    EXPECT_EQ(again.gaps.size(), StreamProgress::kMostGaps);
    EXPECT_FALSE(again.take(101, missing)) << "the oldest gaps are given up";
    for (const char* bad : {"", "x", "3", "5-3", "1-", "-", "1-2,", "99999999999999999999999-1"}) again.read_gaps(bad);
}

TEST_F(StoreTest, RemembersDuplicatesAcrossFilesAndDeletesTheOldest) {
    settings_.rows_per_file = 10;
    open();
    for (uint64_t n = 1; n <= 60; n += 5) commit(n, n + 4);
    EXPECT_EQ(store_->state().files, 6U);
    EXPECT_EQ(find("").size(), 60U);
    EXPECT_EQ(find("proc.name = cat", "", 35).size(), 35U);
    open();
    EXPECT_EQ(commit(1, 60).duplicates, 60U);
    settings_.max_bytes = 1;
    open();
    store_->tidy();
    EXPECT_EQ(store_->state().files, 1U);
    EXPECT_EQ(commit(1, 60).duplicates, 60U) << "what is deleted does not come back";
}

TEST_F(StoreTest, AFileThatAKillLeftHalfMadeForgetsNothing) {
    open();
    commit(1, 10);
    store_.reset();
    {
        Database empty(settings_.directory + "/alerts-000002.db", Database::Use::write);
        PartitionWriter without_streams(3, settings_.directory + "/alerts-000003.db");
    }
    for (int again = 0; again < 2; ++again) {
        open();
        const Stored s = commit(1, 10);
        EXPECT_EQ(s.duplicates, 10U);
        EXPECT_EQ(s.each.at(0).missing, 0);
    }
    std::filesystem::remove(settings_.directory + "/alerts-000001.db");
    open();
    EXPECT_EQ(commit(1, 10).duplicates, 10U) << "the newest file holds it";
}

TEST_F(StoreTest, StreamsOfAnAgentAreBoundedAndStartNoFile) {
    settings_.rows_per_file = 1;
    open();
    const auto send = [&](uint64_t epoch, size_t alerts) {
        Incoming in{"agent", epoch, 1, true, {}, {}};
        for (size_t i = 0; i < alerts; ++i) in.alerts.push_back(alert(i + 1));
        return store_->commit({in});
    };
    ASSERT_TRUE(send(1, 1));
    const uint64_t files = store_->state().files;
    for (uint64_t epoch = 2; epoch < 20; ++epoch) ASSERT_TRUE(send(epoch, 0));
    EXPECT_EQ(store_->state().files, files) << "nothing was stored";
    settings_.rows_per_file = 1'000'000;
    open();
    for (uint64_t epoch = 100; epoch < 100 + SqliteStore::kMostStreamsOfAgent; ++epoch) ASSERT_TRUE(send(epoch, 1));
    EXPECT_EQ(send(100, 1)->duplicates, 1U) << "of those seen last";
    EXPECT_EQ(send(1, 1)->duplicates, 0U) << "the oldest was forgotten";
    EXPECT_EQ(commit(1, 2, "cat", 3).duplicates, 0U);
}

TEST(StreamProgress, NumbersOfAnAgentsChoiceDoNotOverflow) {
    StreamProgress p;
    int64_t missing = 5;
    EXPECT_TRUE(p.take(UINT64_MAX, missing));
    EXPECT_EQ(missing, INT64_MAX);
    EXPECT_TRUE(p.take(1, missing));
    EXPECT_EQ(missing, INT64_MAX - 1);
    EXPECT_EQ(saturating_add(INT64_MIN, -1), INT64_MIN);
}

TEST_F(StoreTest, PagesWithoutGapsAndRepeats) {
    settings_.rows_per_file = 10;
    open();
    for (uint64_t n = 1; n <= 35; n += 5) commit(n, n + 4);
    Search s;
    s.limit = 7;
    std::set<std::string> seen;
    for (int pages = 0; pages < 10; ++pages) {
        auto page = store_->search(s);
        ASSERT_TRUE(page);
        for (const AlertRecord& r : page->alerts) EXPECT_TRUE(seen.insert(r.message).second) << r.message;
        if (!page->reached) break;
        s.before = page->reached;
    }
    EXPECT_EQ(seen.size(), 35U);
}

TEST_F(StoreTest, CountsOverTimeAndByValue) {
    open();
    commit(1, 3, "cat");
    commit(4, 5, "curl");
    Search s;
    s.to_ns = now_ns() + 60'000'000'000;
    s.from_ns = s.to_ns - 600'000'000'000;
    s.from_ns -= s.from_ns % 60'000'000'000;
    uint64_t plain = 0, filtered = 0;
    const auto all = store_->histogram(s, 60'000'000'000);
    ASSERT_TRUE(all);
    for (const auto& bar : all->bars) plain += bar.by_severity[4];
    s.filter = std::get<0>(Filter::compile("proc.name = curl"));
    const auto some = store_->histogram(s, 60'000'000'000);
    ASSERT_TRUE(some);
    for (const auto& bar : some->bars) filtered += bar.by_severity[4];
    EXPECT_EQ(plain, 5U);
    EXPECT_EQ(filtered, 2U);
    s.filter = nullptr;
    const auto top = store_->top(s, "proc.name", 1);
    ASSERT_TRUE(top);
    EXPECT_EQ(top->values, (std::vector<std::pair<std::string, uint64_t>>{{"cat", 3}}));
    EXPECT_EQ(top->others, 2U);
    EXPECT_EQ(store_->top(s, "alert.rule", 5)->values.at(0), (std::pair<std::string, uint64_t>("Odd thing", 5)));
    EXPECT_EQ(store_->top(s, "alert.tags", 5)->values, (std::vector<std::pair<std::string, uint64_t>>{{"t", 5}}));
    s.filter = std::get<0>(Filter::compile("proc.name = curl"));
    EXPECT_EQ(store_->top(s, "alert.tags", 5)->values, (std::vector<std::pair<std::string, uint64_t>>{{"t", 2}}));
}

TEST_F(StoreTest, CountsTagsOfFilesThatWereWrittenWithoutCountingThem) {
    open();
    commit(1, 7);
    store_.reset();
    {
        Database old(settings_.directory + "/alerts-000001.db", Database::Use::write);
        old.run("DROP TABLE tag_counts; PRAGMA user_version=2;");
    }
    for (int again = 0; again < 2; ++again) {
        open();
        EXPECT_EQ(store_->top({}, "alert.tags", 5)->values, (std::vector<std::pair<std::string, uint64_t>>{{"t", 7}}));
    }
}

TEST_F(StoreTest, ValuesBeyondTheLimitAreCountedTogether) {
    ValueCounts counts;
    for (int i = 0; i < 10'005; ++i) counts.add(std::to_string(i), 1);
    counts.add("7", 2);
    const Top top = counts.most_frequent(1);
    EXPECT_EQ(top.values, (std::vector<std::pair<std::string, uint64_t>>{{"7", 3}}));
    EXPECT_EQ(top.others, 10'004U);
}

TEST_F(StoreTest, ASearchThatTakesTooLongSaysSo) {
    open();
    commit(1, 2000);
    Search s;
    s.filter = std::get<0>(Filter::compile("proc.name contains nothing"));
    s.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
    const auto page = store_->search(s);
    ASSERT_TRUE(page);
    EXPECT_FALSE(page->complete);
    EXPECT_TRUE(page->reached) << "the search can go on from there";
    s.filter = nullptr;
    s.from_ns = now_ns() - 600'000'000'000, s.to_ns = now_ns() + 60'000'000'000;
    for (int n = 0; n < 60; ++n) {  // counts of enough rules for the deadline to be looked at
        Incoming in{"agent", 7, 2, false, {}, {}};
        for (int i = 0; i < 200; ++i) {
            in.alerts.push_back(alert(1));
            in.alerts.back().rule = std::to_string(n * 200 + i), in.alerts.back().tags = {in.alerts.back().rule};
        }
        ASSERT_TRUE(store_->commit({in}));
    }
    for (const char* field : {"alert.rule", "alert.hostname", "alert.tags"}) EXPECT_FALSE(store_->top(s, field, 5)->complete) << field;
    EXPECT_FALSE(store_->histogram(s, 60'000'000'000)->complete);
}

TEST_F(StoreTest, TextIsOnlyText) {
    open();
    Incoming in{"agent'; DROP TABLE alerts; --", 1, 1, true, {alert(1)}, {}};
    in.alerts[0].message = "<script>alert(1)</script> \x1b[2J '; DROP TABLE alerts; --";
    in.alerts[0].fields = "no json";
    ASSERT_TRUE(store_->commit({in}));
    const auto page = store_->search({});
    ASSERT_TRUE(page);
    ASSERT_EQ(page->alerts.size(), 1U);
    EXPECT_EQ(page->alerts[0].message, in.alerts[0].message);
    EXPECT_EQ(page->alerts[0].fields, "{}");
}

TEST_F(StoreTest, ADirectoryThatCannotBeUsedIsAnError) {
    settings_.directory = "/proc/nothing";
    auto s = SqliteStore::open(settings_);
    ASSERT_FALSE(s);
    EXPECT_NE(s.error().find("/proc/nothing"), std::string::npos);
}

}  // namespace
}  // namespace undercoat::collector
