// Output formats: longest fields, widths, missing values, and the fields they name.
#include "rules/output_template.h"

#include "tests/support/test_catalogue.h"

#include <gtest/gtest.h>

namespace undercoat::rules {
namespace {

using test::TestCatalogue;

class Output : public testing::Test {
protected:
    Output()
        : catalogue_({TestCatalogue::field("proc.name"), TestCatalogue::field("proc.aname"), TestCatalogue::field("evt.arg"),
                      TestCatalogue::field("fd.net", FieldType::net), TestCatalogue::field("evt.num", FieldType::uint64)},
                     {"open"}, {{"flags", FieldType::flags}, {"fl", FieldType::flags}}),
          event_(0) {
        event_.set_text("proc.name", "init");
        event_.set_text("evt.arg.flags", "O_RDONLY");
        event_.set_list("proc.aname", {Value::text("bash"), Value::text("sshd")});
        event_.values["evt.num"] = Value::u64(5);
    }
    std::string text(const std::string& format) {
        auto parsed = OutputTemplate::parse(format, catalogue_);
        if (auto* e = std::get_if<OutputError>(&parsed)) return "error: " + e->message;
        return std::get<OutputTemplate>(parsed).render(event_).text;
    }

    TestCatalogue catalogue_;
    test::TestEvent event_;
};

TEST_F(Output, TakesTheLongestFieldThatThereIs) {
    EXPECT_EQ(text("%proc.nameand"), "initand");
    EXPECT_EQ(text("%evt.arg.flagsX"), "O_RDONLYX");
    EXPECT_EQ(text("[%proc.name][x]"), "[init][x]");
}

TEST_F(Output, PadsAndCuts) {
    EXPECT_EQ(text("%2proc.name|%6proc.name|%3evt.num|"), "in|init  |5  |");
}

TEST_F(Output, AMissingValueEndsTheTextUnlessAStarLeads) {
    EXPECT_EQ(text("a %evt.arg.fl b"), "a ");
    EXPECT_EQ(text("*a %evt.arg.fl b"), "a <NA> b");
}

TEST_F(Output, AncestorsPrintWithBlanks) {
    EXPECT_EQ(text("%proc.aname"), "bash sshd");
}

TEST_F(Output, RejectsWhatCannotBePrinted) {
    for (const char* bad : {"%", "% x", "%no.field", "%fd.net", "%toupper(evt.num)", "%toupper(proc.name", "%evt.arg"})
        EXPECT_EQ(text(bad).substr(0, 6), "error:") << bad;
}

TEST_F(Output, FieldsAreSortedAndNamedAsWritten) {
    auto parsed = OutputTemplate::parse("%toupper(proc.name) %evt.num %proc.name", catalogue_);
    auto& format = std::get<OutputTemplate>(parsed);
    Arena arena;
    auto fields = format.fields(event_, arena);
    ASSERT_EQ(fields.size(), 3u);
    EXPECT_EQ(fields[0].key, "evt.num");
    EXPECT_EQ(fields[0].value.u64(), 5u);
    EXPECT_EQ(fields[1].key, "proc.name");
    EXPECT_EQ(fields[2].key, "toupper(proc.name)");
    EXPECT_EQ(fields[2].value.text(), "INIT");
    EXPECT_EQ(format.fields(event_, arena, false).size(), 2u);
}

}  // namespace
}  // namespace undercoat::rules
