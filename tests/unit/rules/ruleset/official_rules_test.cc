// The official rules files load alone and together, and compile to what Falco makes of them.
#include "rules/ruleset/loader.h"
#include "tests/support/test_catalogue.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

namespace undercoat::rules {
namespace {

const char* const file_names[] = {"falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml"};

class OfficialRules : public testing::Test {
protected:
    void SetUp() override {
        shared_ = test::shared_directory();
        if (shared_.empty()) GTEST_SKIP() << "SKIPPED: the specification and the official rules (../shared) are absent";
        catalogue_ = test::TestCatalogue::from_specification(shared_);
        for (const char* name : file_names) {
            auto file = read_rules_file(shared_ + "/rules/" + name);
            ASSERT_TRUE(file) << file.error();
            files_.push_back(std::move(*file));
        }
    }

    static std::string problems(const LoadResult& loaded) {
        std::string out;
        for (const FileResult& f : loaded.files)
            for (const auto* list : {&f.errors, &f.warnings})
                for (const Problem& p : *list)
                    out += f.name + ": " + p.locations.back().item_name + ": " + p.message + "\n" + p.snippet + "\n";
        return out;
    }

    // Falco prints the empty text as nothing and does not quote parentheses, so that its output cannot be parsed again.
    static std::string as_falco_prints(std::string condition) {
        for (auto [ours, theirs] : {std::pair<std::string, std::string>{" \"\"", " "}, {"\"(systemd)\"", "(systemd)"}})
            for (size_t at; (at = condition.find(ours)) != std::string::npos;)
                condition.replace(at, ours.size(), theirs);
        return condition;
    }

    std::string shared_;
    std::unique_ptr<test::TestCatalogue> catalogue_;
    std::vector<RulesFile> files_;
};

TEST_F(OfficialRules, LoadAloneWithoutErrors) {
    for (const RulesFile& file : files_) {
        auto loaded = load_rules({&file, 1}, *catalogue_);
        EXPECT_TRUE(loaded.ok()) << problems(loaded);
        EXPECT_GT(loaded.ruleset->rules().size(), 20u);
    }
}

TEST_F(OfficialRules, CompileAsInFalco) {
    auto loaded = load_rules(files_, *catalogue_);
    ASSERT_TRUE(loaded.ok()) << problems(loaded);
    std::ifstream in(shared_ + "/spec/official_rules_compiled.json");
    std::stringstream text;
    text << in.rdbuf();
    auto expected = boost::json::parse(text.str()).as_array();
    auto rules = loaded.ruleset->rules();
    ASSERT_EQ(rules.size(), expected.size());
    for (const auto& e : expected) {
        std::string name(e.at("rule").as_string());
        auto rule = std::find_if(rules.begin(), rules.end(), [&](const Rule& r) { return r.name == name; });
        ASSERT_NE(rule, rules.end()) << name;
        EXPECT_EQ(as_falco_prints(rule->compiled_condition), std::string(e.at("condition_compiled").as_string()))
            << name;
        EXPECT_EQ(rule->enabled, e.at("enabled").as_bool()) << name;
        EXPECT_EQ(to_string(rule->priority), std::string_view(e.at("priority").as_string())) << name;
        // The output of the table ends in what Falco's container plugin suggests, which is added when alerts are made.
        EXPECT_TRUE(std::string_view(e.at("output_compiled").as_string()).starts_with(rule->output_text)) << name;
        auto same = [&](const char* key, std::set<std::string> ours) {
            std::set<std::string> theirs;
            for (const auto& v : e.at(key).as_array()) theirs.emplace(v.as_string());
            EXPECT_EQ(ours, theirs) << name << " " << key;
        };
        same("macros", {rule->macros.begin(), rule->macros.end()});
        same("operators", {rule->operators.begin(), rule->operators.end()});
        std::set<std::string> fields, events;
        for (const FieldRef& f : rule->condition_fields) fields.insert(f.text);
        for (EventTypeId t : rule->event_types.to_vector()) events.emplace(catalogue_->event_types()[t]);
        // Falco lets every rule see asynchronous events, whose names it knows only at run time.
        bool never = e.at("events").as_array().empty();
        if (!never) events.insert("asyncevent");
        same("fields", fields);
        same("events", events);
    }
}

TEST_F(OfficialRules, NeedOnlyTheEventsOfTheEnabledRules) {
    auto loaded = load_rules(files_, *catalogue_);
    auto needed = loaded.ruleset->needed_event_types();
    EXPECT_TRUE(needed.contains(*find_event_type(*catalogue_, "execve")));
    EXPECT_FALSE(needed.contains(*find_event_type(*catalogue_, "close")));
    EXPECT_LT(needed.count(), 60u);
    EXPECT_FALSE(loaded.ruleset->host_names().empty());
}

}  // namespace
}  // namespace undercoat::rules
