// Meaning of operators on missing values, several values and lists; and that evaluation extracts once and allocates not.
#include "rules/vm/eval.h"

#include "rules/lang/parser.h"
#include "rules/vm/compile.h"
#include "tests/support/test_catalogue.h"
#include "tests/unit/rules/vm/allocations.h"

#include <gtest/gtest.h>

namespace undercoat::rules {
namespace {

using test::TestCatalogue;

class Eval : public testing::Test {
protected:
    Eval()
        : catalogue_(fields(), {"open", "connect"}, {{"name", FieldType::path}}), event_(0) {
        event_.set_text("evt.type", "open");
        event_.set_text("proc.name", "sh");
        event_.set_list("proc.aname", {Value::text("bash"), Value::text("sshd")});
        event_.values["evt.num"] = Value::u64(3);
        event_.values["fd.num"] = Value::i64(-1);
    }
    static std::vector<FieldInfo> fields() {
        FieldInfo list = TestCatalogue::field("fd.types");
        list.is_list = true;
        return {TestCatalogue::field("proc.name"), TestCatalogue::field("proc.pname"), TestCatalogue::field("evt.type"),
                TestCatalogue::field("evt.num", FieldType::uint64), TestCatalogue::field("fd.num", FieldType::int64),
                TestCatalogue::field("proc.aname"), TestCatalogue::field("fd.ip", FieldType::ip),
                TestCatalogue::field("fd.net", FieldType::net), TestCatalogue::field("fd.sip.name"), list};
    }
    bool verdict(const std::string& text) {
        auto parsed = parse_condition(text);
        EXPECT_TRUE(std::holds_alternative<std::unique_ptr<Node>>(parsed)) << text;
        Compiler compiler(catalogue_, [](std::string_view) { return nullptr; });
        auto compiled = compiler.add_condition(*std::get<std::unique_ptr<Node>>(parsed));
        EXPECT_TRUE(std::holds_alternative<CompiledCondition>(compiled))
            << text << std::get<CompileError>(compiled).message;
        auto program = compiler.finish();
        Evaluator evaluator(*program);
        Arena arena;
        evaluator.begin(event_, arena);
        return evaluator.run(std::get<CompiledCondition>(compiled).start);
    }

    TestCatalogue catalogue_;
    test::TestEvent event_;
};

TEST_F(Eval, AMissingValueMakesEveryComparisonFalse) {
    EXPECT_FALSE(verdict("proc.pname = x"));
    EXPECT_FALSE(verdict("proc.pname != x"));
    EXPECT_TRUE(verdict("not proc.pname = x"));
    EXPECT_FALSE(verdict("proc.pname exists"));
    EXPECT_FALSE(verdict("proc.name = val(proc.pname)"));
    EXPECT_FALSE(verdict("proc.name != toupper(proc.pname)"));
    event_.set_text("proc.pname", "");
    EXPECT_TRUE(verdict("proc.pname exists"));
    EXPECT_TRUE(verdict("proc.pname = \"\""));
}

TEST_F(Eval, AnyAncestorMaySatisfyTheComparison) {
    EXPECT_TRUE(verdict("proc.aname = sshd"));
    EXPECT_TRUE(verdict("proc.aname != sshd"));
    EXPECT_FALSE(verdict("not proc.aname in (sshd)"));
    EXPECT_TRUE(verdict("proc.aname startswith ba"));
    EXPECT_FALSE(verdict("proc.aname = sh"));
}

TEST_F(Eval, UnequalMustHoldForBothSides) {
    event_.set_list("fd.ip", {Value::ip(*IpAddress::parse("10.0.0.1")), Value::ip(*IpAddress::parse("127.0.0.1"))});
    event_.values["fd.net"] = event_.values["fd.ip"];
    EXPECT_TRUE(verdict("fd.ip = 127.0.0.1"));
    EXPECT_FALSE(verdict("fd.ip != 127.0.0.1"));
    EXPECT_TRUE(verdict("fd.ip != 127.0.0.2"));
    EXPECT_TRUE(verdict("fd.net = 10.0.0.0/8"));
    EXPECT_FALSE(verdict("fd.net != 10.0.0.0/8"));
    EXPECT_TRUE(verdict("fd.net in (192.168.0.0/16, 127.0.0.0/8)"));
    EXPECT_TRUE(verdict("fd.ip != ::1"));
}

TEST_F(Eval, HostNamesAreLookedUpWhereNoReverseNameIsKnown) {
    event_.values["fd.sip.name"] = Value::ip(*IpAddress::parse("192.0.2.1"));
    EXPECT_FALSE(verdict("fd.sip.name = example.org"));
    EXPECT_TRUE(verdict("fd.sip.name != example.org"));
    event_.names.insert({"example.org", "192.0.2.1"});
    EXPECT_TRUE(verdict("fd.sip.name in (other.org, example.org)"));
    event_.set_text("fd.sip.name", "cached.org");
    EXPECT_TRUE(verdict("fd.sip.name = cached.org"));
    EXPECT_FALSE(verdict("fd.sip.name = example.org"));
}

TEST_F(Eval, ListsUseAllForInAndAnyForIntersects) {
    event_.set_list("fd.types", {Value::text("file"), Value::text("ipv4")});
    EXPECT_FALSE(verdict("fd.types in (file)"));
    EXPECT_TRUE(verdict("fd.types in (file, ipv4, x)"));
    EXPECT_TRUE(verdict("fd.types intersects (file)"));
    event_.set_list("fd.types", {});
    EXPECT_TRUE(verdict("fd.types in (file)"));
    EXPECT_FALSE(verdict("fd.types intersects (file)"));
    EXPECT_TRUE(verdict("fd.types exists"));
}

TEST_F(Eval, NumbersOfBothSignsCompare) {
    EXPECT_TRUE(verdict("fd.num < 0 and fd.num > -65535 and evt.num >= 3"));
    EXPECT_TRUE(verdict("fd.num = -1"));
    EXPECT_TRUE(verdict("evt.num in (1, 0x3)"));
}

TEST_F(Eval, RegexReadsInvalidUtf8AsOneReplacement) {
    event_.set_text("proc.name", "p\xff");
    EXPECT_TRUE(verdict("proc.name regex 'p.'"));
    EXPECT_FALSE(verdict("proc.name regex 'p'"));
}

TEST_F(Eval, AConstantThatLooksLikeAFieldIsNotThatField) {
    EXPECT_TRUE(verdict("concat(\"proc.name\", \"x\") = proc.namex and concat(proc.name, \"x\") = shx"));
    EXPECT_TRUE(verdict("concat(\"a,b\", \"c\") = \"a,bc\" and not concat(\"a\", \"b,c\") = \"a,bc\" or evt.num = 3"));
    EXPECT_TRUE(verdict("proc.name != proc.name and not proc.name != val(proc.name)"));
}

TEST_F(Eval, EachFieldIsExtractedOncePerEvent) {
    EXPECT_FALSE(verdict("proc.name = a or proc.name = b or proc.name in (c, d) or proc.name startswith x"));
    EXPECT_EQ(event_.extractions, 1);
}

TEST_F(Eval, EvaluationDoesNotAllocateOnTheHeap) {
    auto parsed = parse_condition(
        "tolower(proc.name) in (a, b) or proc.aname contains zz or join(\"-\", (proc.name, evt.num)) = x");
    Compiler compiler(catalogue_, [](std::string_view) { return nullptr; });
    auto compiled = compiler.add_condition(*std::get<std::unique_ptr<Node>>(parsed));
    auto program = compiler.finish();
    Evaluator evaluator(*program);
    Arena arena;
    auto once = [&] {
        arena.reset();
        evaluator.begin(event_, arena);
        return evaluator.run(std::get<CompiledCondition>(compiled).start);
    };
    EXPECT_FALSE(once());
    const size_t before = test::allocations();
    bool any = false;
    for (int i = 0; i < 1000; ++i) any = once() || any;
    EXPECT_EQ(test::allocations(), before);
    EXPECT_FALSE(any);
}

}  // namespace
}  // namespace undercoat::rules
