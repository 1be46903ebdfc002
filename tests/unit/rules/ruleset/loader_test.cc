// Rules files: places of errors, order, overrides, versions, and limits against hostile files.
#include "rules/ruleset/loader.h"

#include "rules/ruleset/report.h"
#include "tests/support/test_catalogue.h"

#include <gtest/gtest.h>

namespace undercoat::rules {
namespace {

using test::TestCatalogue;

class Loader : public testing::Test {
protected:
    Loader()
        : catalogue_({TestCatalogue::field("proc.name"), TestCatalogue::field("evt.type"),
                      TestCatalogue::field("fd.name"), TestCatalogue::field("evt.num", FieldType::uint64)},
                     {"open", "openat", "execve"}) {}

    LoadResult load(std::vector<std::string> contents, const LoadOptions& options = {}) {
        std::vector<RulesFile> files;
        for (auto& c : contents) files.push_back({"f" + std::to_string(files.size()) + ".yaml", std::move(c)});
        return load_rules(files, catalogue_, options);
    }
    static std::string rule(const std::string& name, const std::string& condition, const std::string& more = "") {
        return "- rule: " + name + "\n  desc: d\n  condition: " + condition +
               "\n  output: o %proc.name\n  priority: WARNING\n" + more;
    }
    static bool warned(const FileResult& file, Code code) {
        return std::any_of(file.warnings.begin(), file.warnings.end(),
                           [&](const Problem& p) { return p.code == code; });
    }

    TestCatalogue catalogue_;
};

TEST_F(Loader, AnErrorPointsAtItsByteInTheFile) {
    auto loaded =
        load({"- rule: r\n  desc: d\n  condition: >\n    evt.type = open\n    and fd.nam = /etc\n  output: o\n  "
              "priority: info\n"});
    ASSERT_FALSE(loaded.ok());
    const Problem& p = loaded.files[0].errors.at(0);
    EXPECT_EQ(name_of(p.code), "LOAD_ERR_COMPILE_CONDITION");
    EXPECT_EQ(p.locations.back().position.line, 5u);
    EXPECT_EQ(p.locations.back().position.column, 9u);
    EXPECT_EQ(p.snippet, "    and fd.nam = /etc\n        ^");
    EXPECT_NE(p.message.find("did you mean 'fd.name'"), std::string::npos);
}

TEST_F(Loader, AnErrorInASecondFileLeavesTheFirstInForce) {
    auto loaded =
        load({rule("a", "evt.type = open"), rule("b", "evt.type = open and"), rule("c", "evt.type = execve")});
    EXPECT_TRUE(loaded.files[0].ok());
    EXPECT_FALSE(loaded.files[1].ok());
    EXPECT_TRUE(loaded.files[2].ok());
    ASSERT_EQ(loaded.ruleset->rules().size(), 2u);
    EXPECT_EQ(loaded.ruleset->rules()[1].name, "c");
}

TEST_F(Loader, RedefinitionKeepsTheOldPlace) {
    auto loaded = load({rule("a", "evt.type = open") + rule("b", "evt.type = open") + rule("a", "evt.type = openat")});
    ASSERT_EQ(loaded.ruleset->rules().size(), 2u);
    EXPECT_EQ(loaded.ruleset->rules()[0].name, "a");
    EXPECT_EQ(loaded.ruleset->rules()[0].compiled_condition, "evt.type = openat");
}

TEST_F(Loader, FirstOrAllMatchesInOrder) {
    auto loaded = load({rule("a", "proc.name = x") + rule("b", "evt.type = open") + rule("c", "evt.type = execve")});
    test::TestEvent event(0);
    event.set_text("evt.type", "open");
    event.set_text("proc.name", "x");
    RuleMatcher matcher(loaded.ruleset);
    Arena arena;
    std::vector<std::string> names;
    auto note = [&](const Rule& r) { names.push_back(r.name); };
    EXPECT_EQ(matcher.match(event, arena, Matching::all, note), 2u);
    EXPECT_EQ(matcher.match(event, arena, Matching::first, note), 1u);
    EXPECT_EQ(names, (std::vector<std::string>{"a", "b", "a"}));
    EXPECT_EQ(loaded.ruleset->rules_for(2).size(), 2u);
}

TEST_F(Loader, SelectionsAndPrioritySwitchRules) {
    LoadOptions options;
    options.selections = {{false, false, "a*"}, {true, true, "t1"}};
    auto loaded = load({rule("ab", "evt.type = open", "  tags: [t1]\n") + rule("ac", "evt.type = open")}, options);
    EXPECT_TRUE(loaded.ruleset->rules()[0].enabled);
    EXPECT_FALSE(loaded.ruleset->rules()[1].enabled);
    options.least_priority = Priority::error;
    EXPECT_FALSE(load({rule("ab", "evt.type = open")}, options).ruleset->rules()[0].enabled);
}

TEST_F(Loader, MacrosSeeOnlyEarlierMacrosAndLoopsAreErrors) {
    std::string use = rule("r", "evt.type = open and a");
    auto later = load({"- macro: a\n  condition: b\n- macro: b\n  condition: proc.name = x\n" + use});
    ASSERT_FALSE(later.ok());
    EXPECT_EQ(later.files[0].errors[0].message, "Undefined macro 'b' used in filter. It is defined later, in line 3; a macro can only use those that are "
              "defined before it");
    auto loop = load({"- macro: a\n  condition: proc.name = x\n- macro: b\n  condition: a\n"
                      "- macro: a\n  condition: b\n" + use});
    ASSERT_FALSE(loop.ok());
    EXPECT_NE(loop.files[0].errors[0].message.find("loop"), std::string::npos);
}

TEST_F(Loader, MacrosOfMacrosDoNotExplode) {
    std::string text = "- macro: m0\n  condition: proc.name = x\n";
    for (int i = 1; i < 200; ++i) {
        std::string below = "m" + std::to_string(i - 1);
        text += "- macro: m" + std::to_string(i) + "\n  condition: " + below + " and " + below + "\n";
    }
    EXPECT_TRUE(load({text + rule("r", "evt.type = open and m199")}).ok());
}

TEST_F(Loader, TooDeepMacrosAreAnError) {
    std::string text = "- macro: m0\n  condition: proc.name = x\n";
    for (int i = 1; i < 1200; ++i)
        text +=
            "- macro: m" + std::to_string(i) + "\n  condition: not (m" + std::to_string(i - 1) + " or proc.name = y)\n";
    auto loaded = load({text + rule("r", "evt.type = open and m1199")});
    ASSERT_FALSE(loaded.ok());
    EXPECT_NE(loaded.files[0].errors[0].message.find("nested deeper"), std::string::npos);
}

TEST_F(Loader, ListsOfListsDoNotExplode) {
    std::string text = "- list: l0\n  items: [a, b]\n";
    for (int i = 1; i < 60; ++i) {
        std::string below = "l" + std::to_string(i - 1);
        text += "- list: l" + std::to_string(i) + "\n  items: [" + below + ", " + below + "]\n";
    }
    auto loaded = load({text});
    ASSERT_FALSE(loaded.ok());
    EXPECT_NE(loaded.files[0].errors[0].message.find("more than"), std::string::npos);
}

TEST_F(Loader, AnEmptyListTakesOneCommaWithIt) {
    std::string lists = "- list: e\n  items: []\n- list: f\n  items: [x, two words]\n";
    auto condition = [&](const std::string& values) {
        auto loaded = load({lists + rule("r", "evt.type = open and proc.name in (" + values + ")")});
        return loaded.ok() ? loaded.ruleset->rules()[0].compiled_condition : loaded.files[0].errors[0].message;
    };
    EXPECT_EQ(condition("e, a"), "(evt.type = open and proc.name in (a))");
    EXPECT_EQ(condition("a, e"), "(evt.type = open and proc.name in (a))");
    EXPECT_EQ(condition("a, e, f"), "(evt.type = open and proc.name in (a, x, \"two words\"))");
    EXPECT_EQ(condition("e"), "(evt.type = open and proc.name in ())");
}

TEST_F(Loader, RequiredVersions) {
    EXPECT_TRUE(load({"- required_engine_version: 57\n"}).ok());
    EXPECT_TRUE(load({"- required_engine_version: 0.63.0\n"}).ok());
    EXPECT_FALSE(load({"- required_engine_version: 0.64.0\n"}).ok());
    EXPECT_FALSE(load({"- required_engine_version: 1.0.0\n"}).ok());
    EXPECT_TRUE(load({"- required_plugin_versions: [{name: container, version: 0.4.0}]\n"}).ok());
    EXPECT_FALSE(load({"- required_plugin_versions: [{name: json, version: 0.4.0}]\n"}).ok());
    EXPECT_TRUE(load({"- required_plugin_versions:\n  - name: json\n    version: 0.4.0\n"
                      "    alternatives: [{name: container, version: 0.4.0}]\n"}).ok());
}

TEST_F(Loader, WarnsOfWhatIsUnused) {
    auto loaded = load({"- macro: m\n  condition: proc.name = x\n- list: l\n  items: [a]\n- thing: x\n"});
    EXPECT_TRUE(loaded.ok());
    EXPECT_TRUE(warned(loaded.files[0], Code::unused_macro));
    EXPECT_TRUE(warned(loaded.files[0], Code::unused_list));
    EXPECT_TRUE(warned(loaded.files[0], Code::unknown_item));
    EXPECT_EQ(report_text(loaded, false), "f0.yaml: Ok, with warnings\n");
}

TEST_F(Loader, ExceptionValuesAreListsNamesOfListsOrCalls) {
    struct Case {
        const char *exception, *compiled;
    };
    const Case cases[] = {
        {"{name: e, fields: [proc.name, fd.name], comps: [=, in], values: [[cat, (words)]]}",
         "(proc.name = cat and fd.name in (q, \"r s\"))"},
        {"{name: e, fields: [proc.name, fd.name], comps: [=, in], values: [[cat, words]]}",
         "(proc.name = cat and fd.name in (q, \"r s\"))"},
        {"{name: e, fields: [fd.name], comps: [pmatch], values: [[(words)]]}", "fd.name pmatch (q, \"r s\")"},
        {"{name: e, fields: [fd.name], comps: [startswith anyof], values: [[(words)]]}",
         "fd.name startswith anyof (q, \"r s\")"},
        {"{name: e, fields: [fd.name], comps: [in], values: [['(a, \"b c\")']]}", "fd.name in (a, \"b c\")"},
        {"{name: e, fields: [fd.name], comps: [in], values: [['(a) or x in (b)']]}", "fd.name in (\"(a) or x in (b)\")"},
        {"{name: e, fields: [fd.name], values: [[(sd-pam)]]}", "fd.name = \"(sd-pam)\""},
        {"{name: e, fields: [fd.name], comps: [in], values: [[val(proc.name)]]}", "fd.name in val(proc.name)"},
        {"{name: e, fields: [fd.name], comps: [in], values: [[[tolower(proc.name)]]]}", "fd.name in tolower(proc.name)"},
        {"{name: e, fields: fd.name, values: [val(proc.name)]}", "fd.name in val(proc.name)"},
    };
    for (const Case& c : cases) {
        const auto loaded = load({"- list: words\n  items: [q, r s]\n" +
                                  rule("r", "evt.type = open", "  exceptions: [" + std::string(c.exception) + "]\n")});
        ASSERT_TRUE(loaded.ok()) << c.exception << ": " << loaded.files[0].errors.at(0).message;
        EXPECT_EQ(loaded.ruleset->rules()[0].compiled_condition, "(evt.type = open and not " + std::string(c.compiled) + ")") << c.exception;
    }
}

TEST_F(Loader, AnEmptyOverrideIsNone) {
    auto loaded = load({rule("a", "evt.type = open"), "- rule: a\n  override: {}\n"});
    EXPECT_TRUE(loaded.files[0].ok());
    ASSERT_FALSE(loaded.files[1].ok());
    EXPECT_NE(loaded.files[1].errors[0].message.find("no mapping for key 'condition'"), std::string::npos);
    EXPECT_TRUE(load({rule("a", "evt.type = open", "  override: {}\n")}).ok());
}

TEST_F(Loader, MalformedStreamsEnd) {
    for (const char* bad : {"a\n, yaml", "[", "{", "- rule: [", "\t", "---\n---\n...\n- x: &a [*a]\n", "- &a [*a]"})
        EXPECT_EQ(load({bad}).files.size(), 1u) << bad;
    EXPECT_FALSE(load({std::string(100000, '[')}).ok());
    EXPECT_TRUE(load({""}).ok());
}

TEST_F(Loader, ReportNamesCodeAndPlace) {
    auto loaded = load({rule("r", "evt.type = opn")});
    std::string text = report_text(loaded, false);
    EXPECT_NE(text.find("f0.yaml: Invalid\n1 Errors:\nIn rules content: (f0.yaml:1:1)\n    rule 'r': (f0.yaml:1:3)\n"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("did you mean 'open'?"), std::string::npos);
    EXPECT_NE(report_json(loaded, catalogue_, true).find("\"successful\":false"), std::string::npos);
}

}  // namespace
}  // namespace undercoat::rules
