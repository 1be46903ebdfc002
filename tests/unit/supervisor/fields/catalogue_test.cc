// Every field that Falco lists is known, with its type and argument; own fields stand beside them.
#include "supervisor/fields/catalogue.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

namespace undercoat::fields {
namespace {

const FieldInfo* find(const FieldCatalogue& c, std::string_view name) {
    for (const FieldInfo& f : c.fields())
        if (f.name == name) return &f;
    return nullptr;
}

std::string specification() {
    for (const char* up : {"../shared", "../../shared", "../../../shared", "../../../../shared"})
        if (std::ifstream(std::string(up) + "/spec/falco_fields.tsv")) return std::string(up) + "/spec/falco_fields.tsv";
    return "";
}

TEST(Catalogue, KnowsEveryFieldThatFalcoLists) {
    const std::string path = specification();
    if (path.empty()) GTEST_SKIP() << "the specification's list of fields (../shared/spec/falco_fields.tsv) is absent";
    const FieldCatalogue catalogue;
    std::ifstream in(path);
    unsigned n = 0;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with('#')) continue;
        std::istringstream columns(line);
        std::string group, name, type, list, argument;
        std::getline(columns, group, '\t');
        std::getline(columns, name, '\t');
        std::getline(columns, type, '\t');
        std::getline(columns, list, '\t');
        std::getline(columns, argument, '\t');
        ++n;
        const FieldInfo* f = find(catalogue, name);
        ASSERT_NE(f, nullptr) << name;
        EXPECT_EQ(f->is_list, list == "True") << name;
        // evt.abspath is listed with a required argument, and used without.
        EXPECT_EQ(f->argument == ArgumentUse::required, argument != "-" && name != "evt.abspath") << name;
    }
    EXPECT_GT(n, 250u);
}

TEST(Catalogue, NamesAreUniqueAndDescribed) {
    const FieldCatalogue catalogue;
    std::set<std::string_view> names;
    for (const FieldInfo& f : catalogue.fields()) {
        EXPECT_TRUE(names.insert(f.name).second) << f.name;
        EXPECT_FALSE(f.description.empty()) << f.name;
    }
    EXPECT_TRUE(names.contains("evt.origin"));
    EXPECT_TRUE(names.contains("evt.result_inferred"));
}

TEST(Catalogue, ResolvesArguments) {
    const FieldCatalogue catalogue;
    auto found = rules::find_field(catalogue, "proc.aname", "2");
    ASSERT_TRUE(std::holds_alternative<FieldRef>(found));
    EXPECT_EQ(std::get<FieldRef>(found).index, 2);
    EXPECT_EQ(std::get<FieldRef>(found).mode, MatchMode::scalar);
    found = rules::find_field(catalogue, "proc.aname", std::nullopt);
    EXPECT_EQ(std::get<FieldRef>(found).mode, MatchMode::any_of);
    found = rules::find_field(catalogue, "evt.rawarg.uid", std::nullopt);
    EXPECT_EQ(std::get<FieldRef>(found).type, FieldType::uint32);
    found = rules::find_field(catalogue, "evt.arg.nosuchthing", std::nullopt);
    ASSERT_TRUE(std::holds_alternative<rules::FieldError>(found));
    EXPECT_TRUE(std::get<rules::FieldError>(found).unknown_field);
    found = rules::find_field(catalogue, "proc.name", "1");
    EXPECT_TRUE(std::holds_alternative<rules::FieldError>(found));
}

}  // namespace
}  // namespace undercoat::fields
