// Unit tests of rules: a YAML file says which events come and which alerts are expected.
//
// Must stay true: the format is documented in docs/rules.md; a key that means nothing is an error, so that a misspelt
// expectation cannot pass; alerts are compared in order.
#pragma once

#include "base/result.h"

#include <yaml-cpp/yaml.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace undercoat::cli {

struct TestEvent {
    std::string type;  // with fields
    std::vector<std::pair<std::string, std::vector<std::string>>> fields;
    std::string json;  // an event of the event log; empty: type and fields
    size_t line = 0;
};

struct ExpectedAlert {
    std::string rule;
    std::optional<std::string> priority, output, output_contains;
    size_t line = 0;
};

struct RuleTest {
    std::string name;
    std::vector<std::string> only;  // rules that count; empty: all
    std::vector<TestEvent> events;
    std::string recording;          // a file of events, before the others
    std::vector<ExpectedAlert> alerts;
    size_t line = 0;
};

struct RuleTestFile {
    std::string path;
    std::vector<std::string> rules;  // paths, relative ones to this file
    bool first_match = false;
    std::vector<RuleTest> tests;
};

// The error begins with FILE:LINE.
Result<RuleTestFile> read_rule_tests(const std::string& path);
// The same for its content; `path` is for messages and relative names.
Result<RuleTestFile> parse_rule_tests(const std::string& content, const std::string& path);

}  // namespace undercoat::cli
