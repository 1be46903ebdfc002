// Encodings, and what no YAML can be made of.
#include "rules/ruleset/yaml_input.h"

#include <gtest/gtest.h>

namespace undercoat::rules {
namespace {

using std::string_literals::operator""s;

YamlProblem problem(const std::string& content) {
    auto r = load_yaml(content);
    EXPECT_TRUE(std::holds_alternative<YamlProblem>(r)) << content;
    return std::holds_alternative<YamlProblem>(r) ? std::get<YamlProblem>(r) : YamlProblem{};
}

TEST(YamlInput, EveryMarkedEncodingBecomesUtf8) {
    EXPECT_EQ(to_utf8("\xef\xbb\xbf" "a\xc3\xa9"), "a\xc3\xa9");
    EXPECT_EQ(to_utf8("\xff\xfe" "a\0\xe9\0\x3d\xd8\x00\xde"s), "a\xc3\xa9\xf0\x9f\x98\x80");
    EXPECT_EQ(to_utf8("\xfe\xff" "\0a\0\xe9"s), "a\xc3\xa9");
    EXPECT_EQ(to_utf8("\xff\xfe\0\0" "a\0\0\0\xac\x20\0\0"s), "a\xe2\x82\xac");
    EXPECT_EQ(to_utf8("\0\0\xfe\xff" "\0\0\0a"s), "a");
}

TEST(YamlInput, HalvesOfPairsAndWhatIsCutOffDoNoHarm) {
    EXPECT_EQ(to_utf8("\xff\xfe\x3d\xd8" "a\0"s), "\xef\xbf\xbd" "a");
    EXPECT_EQ(to_utf8("\xff\xfe" "a\0b"s), "a");
    EXPECT_EQ(to_utf8("\0\0\xfe\xff\x7f\xff\xff\xff"s), "\xef\xbf\xbd");
    EXPECT_EQ(to_utf8("plain\xff"), "plain\xff");
}

TEST(YamlInput, ProblemsSayWhereAndWhatToDo) {
    const YamlProblem nul = problem("- a\n- b\0c\n"s);
    EXPECT_EQ(nul.line, 2u);
    EXPECT_EQ(nul.column, 4u);
    EXPECT_NE(problem("a: \"x\nb: y\n").message.find("nothing closes the quote"), std::string::npos);
    EXPECT_NE(problem("a: 'it''s\n").message.find("nothing closes the quote"), std::string::npos);
    EXPECT_NE(problem("a:\n\tb: c\n").message.find("replace the tab"), std::string::npos);
    EXPECT_NE(problem("a: %b\n").message.find("stands in quotes"), std::string::npos);
    EXPECT_TRUE(std::holds_alternative<std::vector<YAML::Node>>(load_yaml("a: 'it''s'\nb: \"\\\"\"\n")));
}

TEST(YamlInput, StreamsWithoutEndAreRefused) {
    std::string documents;
    for (int i = 0; i < 1500; ++i) documents += "--- a\n";
    EXPECT_NE(problem(documents).message.find("too many documents"), std::string::npos);
}

}  // namespace
}  // namespace undercoat::rules
