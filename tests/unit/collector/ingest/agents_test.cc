// The list of agents: whoever fills it up shuts nobody out.
#include "collector/ingest/agents.h"

#include <gtest/gtest.h>
#include <unistd.h>
#include <filesystem>

namespace undercoat::collector {
namespace {

class AgentsTest : public testing::Test {
protected:
    void SetUp() override {
        char name[] = "/tmp/collector-agents-XXXXXX";
        ASSERT_NE(::mkdtemp(name), nullptr);
        directory_ = name;
        agents_ = std::move(*Agents::open(directory_));
    }
    void TearDown() override {
        agents_.reset();
        std::filesystem::remove_all(directory_);
    }
    bool hello(const std::string& id, const std::string& key = "one") { return agents_->hello(id, {}, "10.0.0.1", "", key); }
    std::string directory_;
    std::unique_ptr<Agents> agents_;
};

TEST_F(AgentsTest, InventedOnesMakeRoomForThoseThatAreThere) {
    ASSERT_TRUE(hello("mine"));
    agents_->here("mine");
    agents_->flush(0);
    for (size_t i = 0; i < Agents::kMost + 10; ++i) ASSERT_TRUE(hello("invented " + std::to_string(i)));
    EXPECT_LE(agents_->size(), Agents::kMost);
    EXPECT_TRUE(agents_->find("mine")) << "it is connected";
    EXPECT_FALSE(agents_->find("invented 0")) << "it was seen longest ago";
    ASSERT_TRUE(hello("new"));
    agents_->gone("mine");
    agents_->flush(INT64_MAX);
    EXPECT_EQ(agents_->size(), 0U) << "all are old and away";
    agents_ = std::move(*Agents::open(directory_));
    EXPECT_EQ(agents_->size(), 0U) << "on the disk, too";
}

TEST_F(AgentsTest, InventedOnesOfOneKeyPushOutNobodyOfAnother) {
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(hello("away " + std::to_string(i), "theirs"));
    for (size_t i = 0; i < Agents::kMost + 10; ++i) ASSERT_TRUE(hello("invented " + std::to_string(i)));
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(agents_->find("away " + std::to_string(i))) << i;
    EXPECT_FALSE(agents_->find("invented 0"));
    agents_->flush(0);
    agents_ = std::move(*Agents::open(directory_));
    EXPECT_EQ(agents_->find("away 0")->key, "theirs");
}

TEST_F(AgentsTest, WhatIsMissingDoesNotOverflow) {
    ASSERT_TRUE(hello("a"));
    agents_->stored("a", 1, INT64_MAX);
    agents_->stored("a", 1, INT64_MAX);
    EXPECT_EQ(agents_->find("a")->missing, static_cast<uint64_t>(INT64_MAX));
    agents_->stored("a", 1, INT64_MIN);
    EXPECT_EQ(agents_->find("a")->missing, 0U);
}

TEST(Agents, LearnsOfOthersAlsoWhereItsOwnAreRefused) {
    struct Refusing : AgentStore {
        bool shared() const override { return true; }
        std::vector<AgentRow> load() override { return {}; }
        void save(const std::vector<AgentRow>&) override { throw std::runtime_error("no"); }
        std::vector<AgentRow> changed_by_others() override { return {{"other", R"({"id":"other","hostname":"far"})", 1, AgentRow::Totals{}}}; }
    };
    Agents agents(std::make_unique<Refusing>());
    ASSERT_TRUE(agents.hello("mine", {}, "10.0.0.1", "", "one"));
    agents.flush(0);
    const auto other = agents.find("other");
    ASSERT_TRUE(other);
    EXPECT_EQ(other->hostname, "far");
}

}  // namespace
}  // namespace undercoat::collector
