// The supervisor's command line: a bad option is said and left out, and never costs another.
#include "supervisor/pipeline/options.h"

#include <gtest/gtest.h>

namespace undercoat::pipeline {
namespace {

SupervisorOptions parse(std::vector<const char*> words) {
    words.insert(words.begin(), "supervisor");
    return parse_options(static_cast<int>(words.size()), words.data());
}

TEST(Options, Defaults) {
    const SupervisorOptions o = parse({});
    EXPECT_EQ(o.agent_fd, -1);
    EXPECT_TRUE(o.rules.empty());
    EXPECT_EQ(o.alerts, "");
    EXPECT_EQ(o.config, "");
    EXPECT_EQ(o.events, "");
    EXPECT_EQ(o.format, "");
    EXPECT_EQ(o.priority_min, "");
    EXPECT_FALSE(o.json || o.host || o.help);
    EXPECT_TRUE(o.problems.empty());
}

TEST(Options, AllOfThem) {
    const SupervisorOptions o =
        parse({"--agent-fd", "5", "--rules", "a.yaml", "--rules=b", "--config", "c", "--alerts", "/tmp/a", "--events", "/tmp/e", "--json", "--format",
               "text", "--rule-matching", "first", "--priority-min", "Error", "--host", "--log", "info", "--replay", "r"});
    EXPECT_EQ(o.problems, std::vector<std::string>{});
    EXPECT_EQ(o.agent_fd, 5);
    EXPECT_EQ(o.rules, (std::vector<std::string>{"a.yaml", "b"}));
    EXPECT_EQ(o.config, "c");
    EXPECT_EQ(o.alerts, "/tmp/a");
    EXPECT_EQ(o.events, "/tmp/e");
    EXPECT_TRUE(o.json && o.host && o.rule_matching == "first");
    EXPECT_EQ(o.format, "text");
    EXPECT_EQ(o.priority_min, "Error");
    EXPECT_EQ(o.log, "info");
    EXPECT_EQ(o.replay, "r");
}

TEST(Options, WhatIsWrongWithOneDoesNotTouchTheOthers) {
    const std::vector<std::vector<const char*>> wrong = {
        {"--agent-fd", "x"}, {"--format", "xml"},      {"--rule-matching", "some"}, {"--priority-min", "loud"},
        {"--log", "all"},    {"--no-such-option", "1"}, {"--no-such-flag"},          {"--events"},
        {"word"},            {"--json=maybe"},          {""},
    };
    for (const auto& w : wrong) {
        std::vector<const char*> words = {"--rules", "a", "--rule-matching", "first"};
        words.insert(words.end(), w.begin(), w.end());
        for (const char* after : {"--alerts", "file", "--rules", "b"}) words.push_back(after);
        const SupervisorOptions o = parse(words);
        EXPECT_EQ(o.problems.size(), 1u) << w[0];
        EXPECT_NE((o.problems.empty() ? "" : o.problems[0]).find("is ignored"), std::string::npos) << w[0];
        EXPECT_EQ(o.rules, (std::vector<std::string>{"a", "b"})) << w[0];
        EXPECT_EQ(o.alerts, "file") << w[0];
        EXPECT_EQ(o.rule_matching, "first") << w[0];
        EXPECT_EQ(o.agent_fd, -1);
        EXPECT_EQ(o.format, "");
        EXPECT_EQ(o.priority_min, "");
    }
}

TEST(Options, TheLastOneCounts) {
    const SupervisorOptions o = parse({"--rule-matching", "first", "--alerts", "a", "--rule-matching", "all", "--alerts", "b"});
    EXPECT_EQ(o.rule_matching, "all");
    EXPECT_EQ(o.alerts, "b");
}

TEST(Options, HelpNamesEachOption) {
    EXPECT_TRUE(parse({"--help"}).help);
    EXPECT_TRUE(parse({"--rules", "a", "-h"}).help);
    for (const char* name : {"--agent-fd", "--rules", "--alerts", "--events", "--json", "--format", "--rule-matching",
                             "--priority-min", "--host", "--replay", "--log"})
        EXPECT_NE(help_text().find(name), std::string::npos) << name;
}

}  // namespace
}  // namespace undercoat::pipeline
