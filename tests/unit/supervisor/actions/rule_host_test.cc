// Rules in use: what is loaded, what a change does, what a broken file does not do, what the capture is asked for.
#include "supervisor/actions/rule_host.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>

namespace undercoat::actions {
namespace {

namespace fs = std::filesystem;
using wire::Call;

std::string rule(const std::string& name, const std::string& condition, const std::string& output = "x") {
    return "- rule: " + name + "\n  desc: d\n  condition: " + condition + "\n  output: \"" + output + "\"\n  priority: info\n";
}

class RuleHostTest : public ::testing::Test {
protected:
    void SetUp() override {
        char name[] = "/tmp/undercoat-rules-XXXXXX";
        directory = ::mkdtemp(name);
        settings.paths = {directory};
    }
    void TearDown() override { fs::remove_all(directory); }
    void write(const std::string& name, const std::string& text) { std::ofstream(directory + "/" + name) << text; }
    Log log() {
        return [this](Severity severity, const std::string& m) {
            if (severity == Severity::error) errors += m + "\n";
        };
    }
    static std::vector<std::string> names(const RuleHost& host) {
        std::vector<std::string> out;
        for (const rules::Rule& r : host.ruleset().rules()) out.push_back(r.name);
        return out;
    }
    // Ticks, each 50 ms of the clock that it is given, until the condition holds.
    template <class Condition>
    bool tick_until(RuleHost& host, Condition condition) {
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!condition(host.tick(now += 50'000'000)))
            if (std::chrono::steady_clock::now() > until) return false;
        return true;
    }
    bool adopted(RuleHost& host) {
        return tick_until(host, [](bool other) { return other; });
    }
    std::string directory, errors;
    fields::FieldCatalogue catalogue;
    RuleSettings settings;
    uint64_t now = 1;
};

TEST_F(RuleHostTest, FilesOfADirectoryAreTakenByNameInOrder) {
    write("b.yml", rule("B", "evt.type = open"));
    write("a.yaml", rule("A", "evt.type = open"));
    write("c.txt", "no rules");
    const auto files = rules_files(directory);
    ASSERT_TRUE(files);
    EXPECT_EQ(*files, (std::vector<std::string>{directory + "/a.yaml", directory + "/b.yml"}));
    EXPECT_EQ(*rules_files("/no/such/file"), (std::vector<std::string>{"/no/such/file"})) << "reading it says what is wrong";
    RuleHost host(catalogue, settings, log());
    EXPECT_TRUE(names(host).empty());
    host.load_now();
    EXPECT_EQ(names(host), (std::vector<std::string>{"A", "B"}));
    EXPECT_EQ(errors, "");
}

TEST_F(RuleHostTest, TheStartUsesWhatIsGoodAndSaysTheRest) {
    write("a.yaml", rule("A", "evt.type = open"));
    settings.paths.push_back(directory + "/missing.yaml");
    RuleHost host(catalogue, settings, log());
    host.load_now();
    EXPECT_EQ(names(host), (std::vector<std::string>{"A"}));
    EXPECT_NE(errors.find("missing.yaml"), std::string::npos) << errors;
}

TEST_F(RuleHostTest, AChangeOfAFileIsAdopted) {
    write("a.yaml", rule("A", "evt.type = open"));
    RuleHost host(catalogue, settings, log());
    host.load_now();
    EXPECT_FALSE(host.tick(now));
    write("a.yaml", rule("A2", "evt.type = open"));
    ASSERT_TRUE(adopted(host));
    EXPECT_EQ(names(host), (std::vector<std::string>{"A2"}));
    write("new.yaml", rule("New", "evt.type = open"));
    ASSERT_TRUE(adopted(host));
    EXPECT_EQ(names(host), (std::vector<std::string>{"A2", "New"}));
    fs::remove(directory + "/a.yaml");
    ASSERT_TRUE(adopted(host));
    EXPECT_EQ(names(host), (std::vector<std::string>{"New"}));
}

TEST_F(RuleHostTest, AFileThatIsReplacedByAnotherIsAdopted) {
    write("a.yaml", rule("A", "evt.type = open"));
    settings.paths = {directory + "/a.yaml"};
    RuleHost host(catalogue, settings, log());
    host.load_now();
    write("a.tmp", rule("Moved", "evt.type = open"));
    fs::rename(directory + "/a.tmp", directory + "/a.yaml");
    ASSERT_TRUE(adopted(host));
    EXPECT_EQ(names(host), (std::vector<std::string>{"Moved"}));
}

TEST_F(RuleHostTest, AChangeWhileALoadRunsIsNotMissed) {
    write("a.yaml", rule("A", "evt.type = open"));
    RuleHost host(catalogue, settings, log());
    host.load_now();
    for (int i = 0; i < 20; ++i) {
        const std::string name = "A" + std::to_string(i);
        host.request_reload();
        write("a.yaml", rule(name, "evt.type = open"));
        EXPECT_TRUE(tick_until(host, [&](bool) { return names(host) == std::vector<std::string>{name}; })) << i;
    }
}

TEST_F(RuleHostTest, SomebodyWhoWritesThereAllTheTimeDoesNotPutTheReloadOff) {
    write("a.yaml", rule("A", "evt.type = open"));
    settings.paths = {directory + "/a.yaml"};
    RuleHost host(catalogue, settings, log());
    host.load_now();
    write("a.yaml", rule("B", "evt.type = open"));
    EXPECT_TRUE(tick_until(host, [&](bool) {
        write("other.yaml", "");
        return names(host) == std::vector<std::string>{"B"};
    }));
}

TEST_F(RuleHostTest, ABrokenChangeIsSaidAndTheOldRulesStay) {
    write("a.yaml", rule("A", "evt.type = open"));
    RuleHost host(catalogue, settings, log());
    host.load_now();
    write("a.yaml", rule("Broken", "evt.type = and"));
    ASSERT_TRUE(tick_until(host, [&](bool other) {
        EXPECT_FALSE(other);
        return !errors.empty();
    }));
    EXPECT_NE(errors.find("a.yaml:3:"), std::string::npos) << errors;
    EXPECT_NE(errors.find("stay in use"), std::string::npos) << errors;
    EXPECT_EQ(names(host), (std::vector<std::string>{"A"}));
    write("a.yaml", rule("Mended", "evt.type = open"));
    ASSERT_TRUE(adopted(host));
    EXPECT_EQ(names(host), (std::vector<std::string>{"Mended"}));
}

TEST_F(RuleHostTest, InterestIsWhatTheRulesLookAt) {
    write("a.yaml", rule("A", "evt.type = mkdir and evt.res = SUCCESS") + rule("B", "evt.type = unlink", "%fd.name") +
                        rule("C", "evt.type = rmdir", "%evt.rawres"));
    RuleHost host(catalogue, settings, log());
    EXPECT_TRUE(host.interest().calls.none());
    host.load_now();
    const state::Interest i = host.interest();
    for (const Call c : {Call::mkdir, Call::unlink, Call::rmdir}) EXPECT_TRUE(i.calls.test(event::type_of(c)));
    EXPECT_FALSE(i.calls.test(event::type_of(Call::connect)));
    EXPECT_TRUE(i.results.test(event::type_of(Call::mkdir)));
    EXPECT_TRUE(i.results.test(event::type_of(Call::rmdir))) << "only the output asks for it";
    EXPECT_FALSE(i.results.test(event::type_of(Call::unlink)));
    EXPECT_FALSE(i.names);
}

TEST_F(RuleHostTest, AProblemIsShownWithItsPlace) {
    rules::Problem p;
    p.message = "words";
    const std::string without = problem_text(p, {});
    EXPECT_NE(without.find("words"), std::string::npos);
    p.locations.push_back({});
    p.locations.back().position = {7, 3, 5};
    p.snippet = "the line";
    const std::string with = problem_text(p, {});
    EXPECT_TRUE(with.starts_with("rules:3:5: ")) << with;
    EXPECT_TRUE(with.ends_with("\nthe line")) << with;
}

TEST_F(RuleHostTest, GivenRulesTakeThePlaceOfTheFilesUntilTheyAreTakenBack) {
    write("a.yaml", rule("A", "evt.type = open"));
    RuleHost host(catalogue, settings, log());
    host.load_now();
    const std::string local = host.version();
    EXPECT_TRUE(local.starts_with("local-"));
    host.give({"prod@1", {{"g.yaml", rule("G", "evt.type = openat")}}});
    ASSERT_TRUE(adopted(host));
    EXPECT_EQ(names(host), std::vector<std::string>{"G"});
    EXPECT_EQ(host.version(), "prod@1");
    auto outcome = host.outcome();
    ASSERT_TRUE(outcome);
    EXPECT_TRUE(outcome->applied);
    EXPECT_FALSE(host.outcome()) << "told once";
    host.give({"prod@2", {{"g.yaml", rule("G", "evt.typo = openat")}}});
    ASSERT_TRUE(tick_until(host, [&](bool) { return (outcome = host.outcome()).has_value(); }));
    EXPECT_FALSE(outcome->applied);
    EXPECT_EQ(outcome->version, "prod@2");
    EXPECT_NE(outcome->message.find("g.yaml:3:"), std::string::npos) << outcome->message;
    EXPECT_EQ(host.version(), "prod@1");
    host.request_reload();
    ASSERT_TRUE(adopted(host));
    EXPECT_EQ(names(host), std::vector<std::string>{"G"}) << "a reload is one of the rules in use";
    host.give({"", {}});
    ASSERT_TRUE(adopted(host));
    EXPECT_EQ(names(host), std::vector<std::string>{"A"});
    EXPECT_EQ(host.version(), local);
}

TEST_F(RuleHostTest, OfSeveralThatAreGivenAtOnceTheLastIsUsed) {
    RuleHost host(catalogue, settings, log());
    host.load_now();
    for (int i = 1; i <= 5; ++i)
        host.give({"v@" + std::to_string(i), {{"g.yaml", rule("G" + std::to_string(i), "evt.type = open")}}});
    ASSERT_TRUE(tick_until(host, [&](bool) { return host.version() == "v@5"; }));
    EXPECT_EQ(names(host), std::vector<std::string>{"G5"});
    EXPECT_FALSE(host.busy());
}

TEST_F(RuleHostTest, RulesGivenForTheStartAreLeftForTheFilesIfTheyAreBad) {
    write("a.yaml", rule("A", "evt.type = open"));
    RuleHost good(catalogue, settings, log()), bad(catalogue, settings, log());
    good.give({"kept@1", {{"k.yaml", rule("K", "evt.type = open")}}});
    good.load_now();
    EXPECT_EQ(good.version(), "kept@1");
    bad.give({"kept@2", {{"k.yaml", "- rule:"}}});
    bad.load_now();
    EXPECT_EQ(names(bad), std::vector<std::string>{"A"});
    const auto outcome = bad.outcome();
    ASSERT_TRUE(outcome);
    EXPECT_FALSE(outcome->applied);
}

}  // namespace
}  // namespace undercoat::actions
