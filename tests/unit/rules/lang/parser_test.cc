// Precedence, keywords, quoting, places of errors, and limits of the parser of conditions.
#include "rules/lang/parser.h"

#include "rules/lang/printer.h"

#include <gtest/gtest.h>

namespace undercoat::rules {
namespace {

std::string printed(std::string_view text) {
    auto parsed = parse_condition(text);
    if (auto* e = std::get_if<ParseError>(&parsed)) return "error at " + std::to_string(e->offset) + ": " + e->message;
    return print(*std::get<std::unique_ptr<Node>>(parsed));
}

TEST(Parser, NotBindsTighterThanAndThanOr) {
    EXPECT_EQ(printed("a or b and not c"), "(a or (b and not c))");
    EXPECT_EQ(printed("(a or b) and c"), "((a or b) and c)");
}

TEST(Parser, AnEvenNumberOfNotsCancels) {
    EXPECT_EQ(printed("not not a"), "a");
    EXPECT_EQ(printed("not (not a)"), "a");
    EXPECT_EQ(printed("not not not(a)"), "not a");
}

TEST(Parser, KeywordsNeedABlankOrParenthesis) {
    EXPECT_EQ(printed("notz and(a)and andy"), "(notz and a and andy)");
    EXPECT_EQ(printed("a andb").substr(0, 10), "error at 2");
}

TEST(Parser, ReadsFieldsWithArguments) {
    EXPECT_EQ(printed("proc.aname[2]=x"), "proc.aname[2] = x");
    EXPECT_EQ(printed("proc.env[ 'A B'] = x").substr(0, 5), "error");
    EXPECT_EQ(printed("proc.env['A B'] = x"), "proc.env[\"A B\"] = x");
}

TEST(Parser, ModifierOnlyBeforeAListOrItsName) {
    EXPECT_EQ(printed("proc.name = oneof (a, b)"), "proc.name = oneof (a, b)");
    EXPECT_EQ(printed("proc.name = oneof and b"), "(proc.name = oneof and b)");
    EXPECT_EQ(printed("proc.name = anyof names"), "proc.name = anyof (names)");
}

TEST(Parser, QuoteEndsUnlessTheByteBeforeIsABackslash) {
    EXPECT_EQ(printed("a.b = \"x \\\" y\""), "a.b = \"x \\\" y\"");
    EXPECT_EQ(printed("a.b = \"a\\\\\"").substr(0, 5), "error");
}

TEST(Parser, ErrorsNameThePlaceAndWhatWasExpected) {
    auto parsed = parse_condition("evt.type = open and\n  proc.name ~ x");
    auto* e = std::get_if<ParseError>(&parsed);
    ASSERT_NE(e, nullptr);
    auto at = line_column("evt.type = open and\n  proc.name ~ x", e->offset);
    EXPECT_EQ(at.line, 2u);
    EXPECT_EQ(at.column, 13u);
    EXPECT_NE(e->message.find("expected an operator"), std::string::npos);
}

TEST(Parser, DepthIsLimited) {
    auto nested = [](size_t n) { return std::string(n, '(') + "a" + std::string(n, ')'); };
    EXPECT_EQ(printed(nested(100)), "a");
    EXPECT_NE(printed(nested(101)).find("nested deeper"), std::string::npos);
    std::string calls;
    for (int i = 0; i < 5000; ++i) calls += "b64(";
    EXPECT_NE(printed(calls).find("nested deeper"), std::string::npos);
    auto deep = parse_condition(nested(1000), {1000});
    EXPECT_TRUE(std::holds_alternative<std::unique_ptr<Node>>(deep));
}

TEST(Parser, LongChainsAreFlat) {
    std::string text = "a";
    for (int i = 0; i < 20000; ++i) text += " or a";
    auto parsed = parse_condition(text);
    ASSERT_TRUE(std::holds_alternative<std::unique_ptr<Node>>(parsed));
    EXPECT_EQ(std::get<std::unique_ptr<Node>>(parsed)->children.size(), 20001u);
}

}  // namespace
}  // namespace undercoat::rules
