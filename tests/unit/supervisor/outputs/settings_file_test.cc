// The configuration file: the page about it, an example of Falco's own shape, bad values, the environment.
#include "supervisor/outputs/settings_file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace undercoat::outputs {
namespace {

SettingsFile parsed(const std::string& text) {
    auto r = parse_settings(text, "f");
    EXPECT_TRUE(r) << (r ? "" : r.error());
    return r ? std::move(*r) : SettingsFile{};
}

TEST(SettingsFile, TheExampleInTheDocsIsUnderstoodWhole) {
    const char* root = std::getenv("SOURCE_ROOT");
    std::ifstream in(std::string(root ? root : ".") + "/docs/configuration.md");
    std::stringstream page;
    page << in.rdbuf();
    const std::string text = page.str();
    const size_t from = text.find("```yaml\n") + 8;
    ASSERT_NE(text.find("```yaml\n"), text.npos);
    const SettingsFile f = parsed(text.substr(from, text.find("\n```", from) - from));
    EXPECT_EQ(f.problems, std::vector<std::string>{});
    EXPECT_EQ(f.ignored, std::vector<std::string>{});
    EXPECT_EQ(f.foreign, std::vector<std::string>{});
    EXPECT_EQ(f.outputs.metrics.interval, std::chrono::minutes(15));
    EXPECT_EQ(f.outputs.append.size(), 2u);
    EXPECT_EQ(f.outputs.append[0].extra_fields.size(), 2u);
    EXPECT_TRUE(f.outputs.http.mtls && f.outputs.http.keep_alive && f.outputs.http_json);
    EXPECT_EQ(f.file, "/var/log/alerts.json");
    EXPECT_EQ(f.selections.size(), 2u);
}

TEST(SettingsFile, WithoutTheFileFalcosSuggestedFieldsAreAppended) {
    const SettingsFile f = parsed("");
    ASSERT_EQ(f.outputs.append.size(), 1u);
    EXPECT_TRUE(f.outputs.append[0].suggested);
    EXPECT_FALSE(f.outputs.web.enabled || f.outputs.http.enabled || f.to_stdout.has_value());
}

TEST(SettingsFile, BadValuesAreNamedAndTheRestHolds) {
    const char* bad[] = {"webserver: {listen_port: 70000}",
                         "metrics: {interval: 1y}",
                         "metrics: {interval: 5ms}",
                         "rule_matching: some",
                         "syscall_event_drops: {actions: [exit]}",
                         "syscall_event_drops: {threshold: 2}",
                         "rules: [{enable: {x: y}}]",
                         "append_output: [{match: {}, what: 1}]",
                         "append_output: 3",
                         "static_fields: [a]",
                         "outputs_queue: {capacity: -1}",
                         "http_output: {enabled: true}",
                         "program_output: {enabled: true}",
                         "file_output: {enabled: true}",
                         "json_output: [true]"};
    for (const char* text : bad) {
        const SettingsFile f = parsed(std::string(text) + "\npriority: error\n");
        ASSERT_EQ(f.problems.size(), 1u) << text;
        EXPECT_TRUE(f.problems[0].starts_with("f:")) << f.problems[0];
        EXPECT_EQ(f.priority, rules::Priority::error) << text;
        EXPECT_FALSE(f.outputs.http.enabled || f.outputs.program.enabled || !f.file.empty()) << text;
    }
}

TEST(SettingsFile, WhatIsNoMapIsAnError) {
    for (const char* text : {"- a", "text", "a: [", "a: b: c"}) EXPECT_FALSE(parse_settings(text, "f")) << text;
    EXPECT_FALSE(read_settings_file("/nonexistent"));
}

TEST(SettingsFile, TheEnvironmentIsPutIn) {
    ::setenv("SETTINGS_TEST", "v", 1);
    const SettingsFile f =
        parsed("static_fields: {a: \"x${SETTINGS_TEST}y${SETTINGS_NONE}\", b: \"$${SETTINGS_TEST}$\", c: \"${open\"}");
    ASSERT_EQ(f.outputs.static_fields.size(), 3u);
    EXPECT_EQ(f.outputs.static_fields[0].second, "xvy");
    EXPECT_EQ(f.outputs.static_fields[1].second, "${SETTINGS_TEST}$");
    EXPECT_EQ(f.outputs.static_fields[2].second, "${open");
}

}  // namespace
}  // namespace undercoat::outputs
