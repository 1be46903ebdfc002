// Which agent gets which rules, and what of rulesets is kept.
#include "collector/policy/policy.h"
#include "collector/policy/ruleset_store.h"

#include <gtest/gtest.h>
#include <unistd.h>
#include <filesystem>

namespace undercoat::collector {
namespace {

AgentRecord agent() {
    remote::Hello h;
    h.hostname = "web-1", h.mode = "full", h.version = "1.0";
    h.tags = {"team:payments", "canary"};
    h.platform = {{"aws.region", "eu-west-1"}};
    return agent_of("id-1", h);
}

std::string chosen(std::vector<std::string> scopes) {
    std::vector<remote::Rules> rulesets;
    for (size_t i = 0; i < scopes.size(); ++i) rulesets.push_back({std::to_string(i), {}, scopes[i]});
    const Policy policy(std::move(rulesets));
    const auto* rules = policy.for_agent(agent());
    return rules ? rules->version : "none";
}

TEST(Policy, ScopesAreConditionsOverWhatAnAgentSays) {
    for (const char* fits : {"", "agent.id = id-1", "agent.hostname startswith web", "agent.tags = canary", "tag.team in (payments, shop)",
                             "platform.aws.region = eu-west-1 and agent.mode = full", "not tag.team = shop", "agent.tags in (canary)"})
        EXPECT_EQ(chosen({fits}), "0") << fits;
    for (const char* not_ours : {"agent.id = id-2", "tag.team = shop", "agent.tags = team", "platform.none exists", "tag.canary = x"})
        EXPECT_EQ(chosen({not_ours}), "none") << not_ours;
}

TEST(Policy, TheFirstThatFitsIsTaken) {
    EXPECT_EQ(chosen({"tag.team = shop", "agent.mode = full", ""}), "1");
    EXPECT_EQ(chosen({"tag.team = shop", ""}), "1");
    EXPECT_EQ(chosen({}), "none");
}

TEST(Policy, AScopeThatIsNoConditionFitsNobody) {
    EXPECT_EQ(chosen({"((("}), "none");
    EXPECT_NE(scope_problem("agent.mode ="), "");
    EXPECT_EQ(scope_problem(""), "");
    EXPECT_EQ(scope_problem("agent.mode = full"), "");
}

TEST(RulesetStore, VersionsAreGivenOnceAndTheNewestAreKept) {
    std::string directory = std::filesystem::temp_directory_path() / "rulesets-XXXXXX";
    ASSERT_NE(::mkdtemp(directory.data()), nullptr);
    {
        auto store = RulesetStore::open(directory);
        ASSERT_TRUE(store) << store.error();
        Ruleset r;
        r.name = "a", r.scope = "s", r.author = "me", r.files = {{"f", "content \"'\n\xc3\xa9"}};
        for (uint64_t n = 1; n <= RulesetStore::kVersions + 5; ++n) EXPECT_EQ(*(*store)->put(r), n);
        r.name = "0", r.position = 200;
        EXPECT_EQ(*(*store)->put(r), 1U);
        EXPECT_EQ((*store)->numbers("a").size(), RulesetStore::kVersions);
    }
    auto store = RulesetStore::open(directory);
    const auto now = (*store)->current();
    ASSERT_EQ(now.size(), 2U);
    EXPECT_EQ(now[0].version(), "a@25");
    EXPECT_EQ(now[0].files[0].second, "content \"'\n\xc3\xa9");
    EXPECT_TRUE(*(*store)->remove("a"));
    EXPECT_FALSE(*(*store)->remove("a"));
    EXPECT_FALSE((*store)->find("a"));
    Ruleset again;
    again.name = "a";
    EXPECT_EQ(*(*store)->put(again), 27U);
    std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace undercoat::collector
