// What a plan leaves out, shares and keeps apart; and that matching rules with one allocates nothing.
#include "rules/vm/plan.h"

#include "rules/ruleset/loader.h"
#include "tests/support/test_catalogue.h"
#include "tests/unit/rules/vm/allocations.h"

#include <gtest/gtest.h>

namespace undercoat::rules {
namespace {

using test::TestCatalogue;
using test::TestEvent;

FieldInfo by_type(FieldInfo f) {
    f.by_type = true;
    return f;
}

class PlanTest : public ::testing::Test {
protected:
    TestCatalogue catalogue_{{by_type(TestCatalogue::field("evt.type")), TestCatalogue::field("proc.name"),
                              TestCatalogue::field("fd.name", FieldType::path), TestCatalogue::field("fd.num", FieldType::int64)},
                             {"open", "connect"}};
    std::string yaml_;
    Arena arena_;

    void rule(const std::string& name, const std::string& condition) {
        yaml_ += "- rule: " + name + "\n  desc: d\n  condition: >\n    " + condition + "\n  output: o\n  priority: INFO\n";
    }
    std::shared_ptr<const Ruleset> load() {
        const std::vector<RulesFile> files = {{"rules.yaml", yaml_}};
        LoadResult loaded = load_rules(files, catalogue_);
        EXPECT_TRUE(loaded.ok()) << (loaded.ok() ? "" : loaded.files[0].errors[0].message);
        return loaded.ruleset;
    }
    static TestEvent event(EventTypeId type, const std::string& name, const std::string& file) {
        TestEvent e(type);
        e.set_text("evt.type", type == 0 ? "open" : "connect");
        e.set_text("proc.name", name);
        e.set_text("fd.name", file);
        e.values["fd.num"] = Value::i64(3);
        return e;
    }
    std::string matches(RuleMatcher& matcher, TestEvent e, Matching matching = Matching::all) {
        std::string names;
        matcher.match(e, arena_, matching, [&](const Rule& r) { names += r.name; });
        return names;
    }
};

TEST_F(PlanTest, MatchesComeInTheOrderOfTheRules) {
    rule("a", "evt.type = open and fd.num = 3 and fd.name startswith /etc");
    rule("b", "evt.type = open and proc.name = sh");
    rule("c", "evt.type in (open, connect) and fd.num = 3 and proc.name in (sh, bash)");
    rule("d", "evt.type = open");
    RuleMatcher matcher(load());
    EXPECT_EQ(matches(matcher, event(0, "sh", "/etc/x")), "abcd");
    EXPECT_EQ(matches(matcher, event(0, "sh", "/x")), "bcd");
    EXPECT_EQ(matches(matcher, event(0, "sh", "/x"), Matching::first), "b");
    EXPECT_EQ(matches(matcher, event(0, "x", "/x")), "d");
    EXPECT_EQ(matches(matcher, event(1, "bash", "/etc")), "c");
    EXPECT_EQ(matches(matcher, event(1, "x", "/etc")), "");
}

TEST_F(PlanTest, SharedPartsAreEvaluatedOnceAndAnewForEachEvent) {
    const std::string part = "(proc.name = sh or fd.name endswith .sh)";
    rule("a", "evt.type = open and (fd.num = 7 or " + part + ")");
    rule("b", "evt.type = open and not " + part);
    rule("c", "evt.type = open and (fd.num = 8 or not " + part + ")");
    RuleMatcher matcher(load());
    EXPECT_EQ(matches(matcher, event(0, "sh", "/x")), "a");
    EXPECT_EQ(matches(matcher, event(0, "x", "/x")), "bc");
    EXPECT_EQ(matches(matcher, event(0, "x", "/x.sh")), "a");
}

TEST_F(PlanTest, WhatTheTypeDecidesIsNotAskedAgain) {
    rule("a", "evt.type = open and fd.num = 4");
    rule("b", "evt.type in (open, connect) and (evt.type = connect or fd.num = 4)");
    RuleMatcher matcher(load());
    EXPECT_EQ(matches(matcher, event(0, "x", "/x")), "");
    TestEvent second = event(0, "x", "/x");
    matcher.match(second, arena_, Matching::all, [](const Rule&) {});
    EXPECT_EQ(second.extractions, 1);  // fd.num
}

TEST_F(PlanTest, ValuesThatAreMissingOrManyKeepTheirMeaning) {
    rule("a", "evt.type = open and proc.name != sh");
    rule("b", "evt.type = open and not proc.name = sh");
    rule("c", "evt.type = open and proc.name in (sh, bash)");
    RuleMatcher matcher(load());
    TestEvent missing(0);
    missing.set_text("evt.type", "open");
    EXPECT_EQ(matches(matcher, missing), "b");
    EXPECT_EQ(matches(matcher, event(0, "bash", "")), "abc");
    EXPECT_EQ(matches(matcher, event(0, "sh", "")), "c");
}

TEST_F(PlanTest, ConditionsOfAnySizeKeepTheirMeaning) {
    std::string many = "evt.type = open";
    for (int i = 0; i < 300; ++i) many += " and proc.name != p" + std::to_string(i);
    rule("a", many);
    rule("b", many + " and fd.num = 3");
    for (int i = 4; i < 300; ++i) rule("c" + std::to_string(i), "evt.type = open and fd.num = " + std::to_string(i));
    RuleMatcher matcher(load());
    EXPECT_EQ(matches(matcher, event(0, "p299", "/x")), "");
    EXPECT_EQ(matches(matcher, event(0, "p300", "/x")), "ab");
}

TEST_F(PlanTest, AnEventThatMatchesNothingAllocatesNothing) {
    rule("a", "evt.type = open and proc.name in (sh, bash) and fd.name startswith /etc");
    rule("b", "evt.type = open and (fd.name contains shadow or fd.name glob '/root/*') and not proc.name = cat");
    rule("c", "evt.type = open and fd.name pmatch (/proc, /sys) and fd.num > 100");
    RuleMatcher matcher(load());
    TestEvent e = event(0, "sh", "/home/user/a file with a name that is longer than a small string");
    size_t matched = matcher.match(e, arena_, Matching::all, [](const Rule&) {});
    const size_t before = test::allocations();
    for (int i = 0; i < 1000; ++i) matched += matcher.match(e, arena_, Matching::all, [](const Rule&) {});
    EXPECT_EQ(test::allocations(), before);
    EXPECT_EQ(matched, 0u);
}

}  // namespace
}  // namespace undercoat::rules
