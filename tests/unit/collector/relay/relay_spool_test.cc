// The orchestrator's spool: everything leaves in its order, after an acknowledgement and not before, whatever ends the process.
#include "collector/relay/relay_spool.h"

#include <gtest/gtest.h>
#include <unistd.h>
#include <filesystem>

namespace undercoat::collector {
namespace {

class RelaySpoolTest : public testing::Test {
protected:
    void SetUp() override {
        char name[] = "/tmp/relay-spool-XXXXXX";
        ASSERT_NE(::mkdtemp(name), nullptr);
        directory_ = name;
        open();
    }
    void TearDown() override {
        spool_.reset();
        std::filesystem::remove_all(directory_);
    }
    void open(uint64_t bytes = 1 << 20) {
        spool_.reset();
        auto s = RelaySpool::open(directory_, bytes);
        ASSERT_TRUE(s) << s.error();
        spool_ = std::move(*s);
    }
    Result<Stored> commit(uint64_t from, uint64_t to, uint32_t stream = 4, const std::string& agent = "a") {
        Incoming in;
        in.agent = agent, in.epoch = 7, in.stream = stream;
        for (uint64_t n = from; n <= to; ++n) in.alerts.emplace_back().number = n;
        in.frame = agent + std::to_string(stream) + ":" + std::to_string(from) + "-" + std::to_string(to);
        return spool_->commit({in});
    }
    std::vector<std::string> all() {
        std::vector<std::string> out;
        ids_.clear();
        while (auto b = spool_->next()) out.push_back(b->frame), ids_.push_back(b->id);
        return out;
    }
    std::string directory_;
    std::unique_ptr<RelaySpool> spool_;
    std::vector<int64_t> ids_;
};

using Frames = std::vector<std::string>;

TEST_F(RelaySpoolTest, SevereFirstThenInOrderAndAgainUntilAcknowledged) {
    ASSERT_TRUE(commit(1, 2));
    ASSERT_TRUE(commit(3, 3));
    ASSERT_TRUE(commit(1, 1, 0));
    EXPECT_EQ(all(), (Frames{"a0:1-1", "a4:1-2", "a4:3-3"}));
    EXPECT_EQ(all(), Frames{});
    EXPECT_TRUE(spool_->acknowledged({ids_[1]}));
    spool_->rewind();
    EXPECT_EQ(all(), (Frames{"a0:1-1", "a4:3-3"}));
    EXPECT_EQ(spool_->counters().alerts, 2U);
    EXPECT_EQ(spool_->counters().forwarded, 2U);
    open();
    EXPECT_EQ(all(), (Frames{"a0:1-1", "a4:3-3"}));
    EXPECT_TRUE(spool_->acknowledged(ids_));
    EXPECT_TRUE(spool_->acknowledged(ids_)) << "twice is once";
    EXPECT_EQ(spool_->counters().batches, 0U);
    EXPECT_EQ(spool_->counters().bytes, 0U);
}

TEST_F(RelaySpoolTest, WhatComesAgainIsKnownAlsoAfterARestart) {
    ASSERT_TRUE(commit(1, 5));
    EXPECT_EQ(commit(1, 5)->duplicates, 5U);
    open();
    EXPECT_EQ(commit(4, 5)->duplicates, 2U);
    EXPECT_EQ(commit(5, 6)->each[0].stored, 2U) << "partly new: the collector sorts it out";
    EXPECT_EQ(commit(1, 5, 4, "b")->duplicates, 0U) << "another agent";
}

TEST_F(RelaySpoolTest, AFullOneRefusesAndKeeps) {
    open(16);
    ASSERT_TRUE(commit(1, 1));
    ASSERT_TRUE(commit(2, 2));
    const auto refused = commit(3, 3);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().find("full"), std::string::npos);
    EXPECT_EQ(all(), (Frames{"a4:1-1", "a4:2-2"}));
    EXPECT_TRUE(spool_->acknowledged(ids_));
    EXPECT_TRUE(commit(3, 3)) << "and is not taken for a duplicate";
}

TEST_F(RelaySpoolTest, AgentsAreKnownWhileSomethingOfTheirsWaits) {
    spool_->keep_hello("a", "hello a");
    spool_->keep_hello("b", "hello b");
    ASSERT_TRUE(commit(1, 1));
    open();
    EXPECT_EQ(spool_->hellos(), (std::map<std::string, std::string>{{"a", "hello a"}, {"b", "hello b"}}));
    spool_->forget_agents({});
    EXPECT_EQ(spool_->hellos().size(), 1U);
    EXPECT_TRUE(spool_->waits("a"));
    all();
    spool_->acknowledged(ids_);
    spool_->forget_agents({"a"});
    EXPECT_EQ(spool_->hellos().size(), 1U) << "it is there";
    spool_->forget_agents({});
    EXPECT_EQ(spool_->hellos().size(), 0U);
}

TEST_F(RelaySpoolTest, AnAgentIsKnownWhileABatchOfItsIsOnItsWay) {
    spool_->keep_hello("a", "hello a");
    spool_->keep_hello("b", "hello b");
    spool_->expect("a");
    EXPECT_TRUE(spool_->waits("a"));
    spool_->forget_agents({});
    ASSERT_TRUE(commit(1, 1));
    EXPECT_EQ(spool_->hellos(), (std::map<std::string, std::string>{{"a", "hello a"}})) << "and nobody knows b any more";
    all();
    spool_->acknowledged(ids_);
    EXPECT_FALSE(spool_->waits("a"));
    spool_->expect("a");
    ASSERT_TRUE(commit(1, 1));
    EXPECT_FALSE(spool_->waits("a")) << "it was a duplicate";
}

}  // namespace
}  // namespace undercoat::collector
