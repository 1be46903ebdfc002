// Alerts wait in order of severity, survive the process, are dropped oldest and least severe first, and are counted.
#include "supervisor/forward/spool.h"
#include "supervisor/forward/settings.h"
#include "wire/remote/codec.h"

#include <gtest/gtest.h>
#include <unistd.h>
#include <filesystem>
#include <fstream>

namespace undercoat::forward {
namespace {

class SpoolTest : public testing::TestWithParam<bool> {
protected:
    void SetUp() override {
        if (GetParam()) return;
        char name[] = "/tmp/collector-spool-XXXXXX";
        ASSERT_NE(::mkdtemp(name), nullptr);
        directory_ = name;
    }
    void TearDown() override {
        spool_.reset();
        if (!directory_.empty()) std::filesystem::remove_all(directory_);
    }
    void open(SpoolLimits limits = {}) {
        spool_.reset();
        spool_ = std::make_unique<Spool>(directory_, limits, ++epoch_);
    }
    void add(unsigned severity, const std::string& message, uint64_t key = 0) {
        remote::Alert a;
        a.severity = severity;
        a.rule = "r";
        a.message = message;
        spool_->add(std::move(a), key);
    }
    // All messages of what is to be sent, by way of the codec.
    std::vector<std::string> drain(size_t bytes, bool acknowledge) {
        std::vector<std::string> out;
        while (auto chunk = spool_->next(bytes)) {
            auto up = codec_.decode_up(*codec_.encode_batch("a", chunk->epoch, chunk->stream, chunk->alerts));
            EXPECT_TRUE(up);
            const auto& batch = std::get<remote::Batch>(up->what);
            EXPECT_EQ(batch.alerts.size(), chunk->count);
            EXPECT_EQ(batch.alerts.back().number, chunk->last);
            for (const auto& a : batch.alerts) out.push_back(a.message);
            if (acknowledge) spool_->acknowledged(chunk->epoch, chunk->stream, chunk->last);
        }
        return out;
    }
    std::string directory_;
    uint64_t epoch_ = 0;
    std::unique_ptr<Spool> spool_;
    remote::Codec codec_;
};

TEST_P(SpoolTest, SevereAlertsGoFirstAndEachOnce) {
    open();
    for (int i = 0; i < 3; ++i) add(6, "info" + std::to_string(i)), add(2, "critical" + std::to_string(i));
    EXPECT_EQ(drain(1 << 20, true),
              (std::vector<std::string>{"critical0", "critical1", "critical2", "info0", "info1", "info2"}));
    EXPECT_EQ(spool_->counters().waiting, 0U);
    EXPECT_EQ(spool_->counters().acknowledged, 6U);
    add(2, "more");
    EXPECT_EQ(drain(1, true), std::vector<std::string>{"more"});
}

TEST_P(SpoolTest, WhatIsNotAcknowledgedIsSentAgain) {
    open();
    for (int i = 0; i < 10; ++i) add(4, std::to_string(i));
    EXPECT_EQ(drain(1, false).size(), 10U);
    spool_->acknowledged(epoch_, 4, 4);
    spool_->acknowledged(epoch_ + 1, 4, 9);  // of no epoch of ours
    spool_->acknowledged(epoch_, 99, 9);
    EXPECT_EQ(spool_->counters().waiting, 6U);
    EXPECT_FALSE(spool_->next(100));
    spool_->rewind();
    const auto again = drain(1 << 20, true);
    EXPECT_EQ(again.back(), "9");
    EXPECT_EQ(spool_->counters().waiting, 0U);
}

TEST_P(SpoolTest, TheLeastSevereGoFirstWhenItIsFull) {
    open({64 << 10, 4 << 10});
    const std::string text(500, 'x');
    for (int i = 0; i < 20; ++i) add(1, "keep" + text);
    for (int i = 0; i < 300; ++i) add(5, std::to_string(i) + text);
    for (int i = 0; i < 20; ++i) add(1, "keep" + text);
    const auto& c = spool_->counters();
    EXPECT_LE(c.bytes, 64U << 10);
    EXPECT_GT(c.dropped[5], 100U);
    EXPECT_EQ(c.dropped[1], 0U);
    EXPECT_EQ(c.waiting + c.dropped[5], 340U);
    const auto sent = drain(1 << 20, true);
    EXPECT_EQ(sent.size() + c.dropped[5], 340U);
    EXPECT_EQ(sent.back(), "299" + text) << "the newest are kept";
}

TEST_P(SpoolTest, WhatADeadProcessLeftIsSentUnderItsNumbers) {
    if (GetParam()) return;  // memory dies with the process
    open();
    add(4, "one", 11);
    add(4, "two", 12);
    const std::string keep = directory_ + "-kept";  // what is there at the moment of death
    std::filesystem::copy(directory_, keep, std::filesystem::copy_options::recursive);
    spool_.reset();
    std::filesystem::remove_all(directory_);
    std::filesystem::rename(keep, directory_);
    for (const auto& f : std::filesystem::directory_iterator(directory_))
        std::ofstream(f.path(), std::ios::app) << "torn";
    open();
    EXPECT_TRUE(spool_->known_keys().contains(11) && spool_->known_keys().contains(12));
    EXPECT_EQ(spool_->counters().waiting, 2U);
    add(4, "three");
    const auto first = spool_->next(1 << 20);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->epoch, epoch_ - 1);
    EXPECT_EQ(first->last, 2U);
    EXPECT_EQ(drain(1 << 20, false), std::vector<std::string>{"three"});
}

TEST_P(SpoolTest, WhatCannotBeReadIsCountedAndWaitedForNoMore) {
    if (GetParam()) return;  // nobody else writes into our memory
    open();
    for (int i = 0; i < 4; ++i) add(4, "alert" + std::to_string(i));
    for (const auto& f : std::filesystem::directory_iterator(directory_)) {
        std::fstream file(f.path(), std::ios::in | std::ios::out | std::ios::binary);
        std::string all{std::istreambuf_iterator<char>(file), {}};
        for (const char* text : {"alert1", "alert3"})
            if (const size_t at = all.find(text); at != all.npos) all.replace(at, 6, "XXXXXX");
        file.clear(), file.seekp(0);
        file << all;
    }
    for (int again = 0; again < 2; ++again) {
        spool_->rewind();
        EXPECT_EQ(drain(1 << 20, again == 1), (std::vector<std::string>{"alert0", "alert2"}));
        EXPECT_EQ(spool_->counters().damaged, 2U);
        EXPECT_EQ(spool_->counters().waiting, again == 0 ? 2U : 0U);
    }
    EXPECT_EQ(spool_->counters().acknowledged, 2U);
}

TEST_P(SpoolTest, AFullDiskDoesNotFillTheMemory) {
    if (GetParam()) return;
    open({1 << 20, 4 << 10, 16 << 10});
    std::filesystem::remove_all(directory_);  // no segment can be made
    for (int i = 0; i < 200; ++i) add(5, std::to_string(i) + std::string(500, 'x'));
    EXPECT_LE(spool_->counters().bytes, 16U << 10);
    EXPECT_GT(spool_->counters().dropped[5], 100U);
    EXPECT_EQ(spool_->counters().waiting + spool_->counters().dropped[5], 200U);
}

INSTANTIATE_TEST_SUITE_P(Places, SpoolTest, testing::Bool(), [](const auto& p) { return p.param ? "Memory" : "Disk"; });

TEST(SpoolFiles, OfARunThatNobodyContinuesAreTakenOver) {
    char name[] = "/tmp/collector-spool-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    const std::string base = name, file = "/1-0000000000000001-00000000000000000001.alerts";
    UniqueFd mine, dead;
    ASSERT_EQ(choose_directory(base, mine), base);
    ASSERT_EQ(choose_directory(base, dead), base + "-2");
    std::ofstream(base + "-2" + file) << "alerts";
    adopt_siblings(base);
    EXPECT_FALSE(std::filesystem::exists(base + file)) << "somebody holds it";
    dead.reset();
    adopt_siblings(base);
    EXPECT_FALSE(std::filesystem::exists(base + file)) << "a successor may come";
    std::filesystem::last_write_time(base + "-2" + file, std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
    adopt_siblings(base);
    EXPECT_TRUE(std::filesystem::exists(base + file));
    UniqueFd other;
    mine.reset();
    ASSERT_EQ(choose_directory(base + "-2", other), base + "-2");
    adopt_siblings(base + "-2");
    EXPECT_TRUE(std::filesystem::exists(base + "-2" + file)) << "in the other direction, too";
    std::filesystem::remove_all(base);
    std::filesystem::remove_all(base + "-2");
}

TEST(SpoolFiles, OfAnotherKindAreNotTaken) {
    char name[] = "/tmp/collector-spool-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    const std::string directory = name;
    for (const char* file : {"/x.alerts", "/9-0000000000000001-00000000000000000001.alerts",
                             "/1-0000000000000001-00000000000000000001.alerts"})
        std::ofstream(directory + file) << std::string(100, '\xff');
    Spool spool(directory, {}, 1);
    EXPECT_EQ(spool.counters().damaged, 3U);
    EXPECT_EQ(spool.counters().waiting, 0U);
    UniqueFd first, second;
    EXPECT_EQ(choose_directory(directory, first), directory);
    EXPECT_EQ(choose_directory(directory, second), directory + "-2") << "two runs do not share one";
    std::filesystem::remove_all(directory);
    std::filesystem::remove_all(directory + "-2");
}

outputs::CollectorSettings with(std::map<std::string, std::string> variables, std::vector<std::string>& problems,
                                const std::map<std::string, std::string>& file = {}) {
    outputs::CollectorSettings s;
    apply_environment(
        s, file,
        [&](const char* name) -> const char* {
            const auto it = variables.find(name);
            return it == variables.end() ? nullptr : it->second.c_str();
        },
        problems);
    return s;
}

TEST(ForwardSettings, AddressesPortsAndTheFileBelowTheEnvironment) {
    std::vector<std::string> problems;
    EXPECT_EQ(with({{"UNDERCOAT_COLLECTOR", "c.example"}}, problems).port, "6443");
    EXPECT_EQ(with({{"UNDERCOAT_COLLECTOR", "c.example"}, {"UNDERCOAT_COLLECTOR_PORT", "443"}}, problems).port, "443");
    EXPECT_EQ(with({{"UNDERCOAT_ORCHESTRATOR", "o"}}, problems).port, "6667");
    const auto s = with({{"UNDERCOAT_COLLECTOR", "[::1]:1"},
                         {"UNDERCOAT_TAGS", "a:b,,c"},
                         {"UNDERCOAT_PROXY", "http://u:p@w@proxy:8080/"}},
                        problems, {{"UNDERCOAT_COLLECTOR", "file"}});
    EXPECT_EQ(s.host, "::1");
    EXPECT_EQ(s.port, "1");
    EXPECT_EQ(s.tags, (std::vector<std::string>{"a:b", "c"}));
    EXPECT_EQ(s.proxy_host + "|" + s.proxy_port + "|" + s.proxy_user + "|" + s.proxy_password, "proxy|8080|u|p@w");
    EXPECT_EQ(with({}, problems, {{"UNDERCOAT_COLLECTOR", "file:5"}}).host, "file");
    EXPECT_TRUE(problems.empty()) << problems[0];
}

TEST(ForwardSettings, BadValuesAreNamedAndLeftOut) {
    for (const auto& [name, value] : {std::pair{"UNDERCOAT_COLLECTOR", "https://x"},
                                      {"UNDERCOAT_INSECURE", "maybe"},
                                      {"UNDERCOAT_SPOOL_MB", "-1"},
                                      {"UNDERCOAT_PROXY", "http://a b"},
                                      {"UNDERCOAT_ACCESS_KEY", "a\r\nX: y"},
                                      {"UNDERCOAT_ACCESS_KEY_FILE", "/nothing"}}) {
        std::vector<std::string> problems;
        const auto s = with({{"UNDERCOAT_COLLECTOR", "c"}, {name, value}}, problems, {});
        const bool address = std::string(name) == "UNDERCOAT_COLLECTOR";
        std::vector<std::string> of_address;
        if (address) {
            EXPECT_EQ(with({{name, value}}, of_address).host, "");
        }
        const auto& said = address ? of_address : problems;
        ASSERT_EQ(said.size(), 1U) << name;
        EXPECT_NE(said[0].find(name), std::string::npos);
        EXPECT_EQ(s.access_key, "");
    }
}

}  // namespace
}  // namespace undercoat::forward
