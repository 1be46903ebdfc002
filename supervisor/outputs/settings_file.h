// Reads a configuration file: the keys of falco.yaml that mean something here, with Falco's meaning.
//
// Must stay true: the file is not trusted to be right: a key that means nothing is named and left out, so is a bad value, and
// the rest holds; ${VARIABLE} in a value is replaced from the environment, $${VARIABLE} stands for ${VARIABLE}.
#pragma once

#include "base/result.h"
#include "rules/ruleset/loader.h"
#include "supervisor/outputs/settings.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace undercoat::outputs {

struct SettingsFile {
    OutputSettings outputs;
    std::optional<bool> json;              // json_output
    std::optional<bool> to_stdout;         // stdout_output.enabled
    std::string file;                      // file_output.filename where that is enabled
    std::vector<std::string> rules_files;  // those that exist
    std::vector<rules::RuleSelection> selections;
    std::optional<rules::Priority> priority;
    std::optional<bool> first_match;       // rule_matching
    std::map<std::string, std::string> collector;  // keys of `collector` that are read like the variable of this name
    std::vector<std::string> problems;     // bad values
    std::vector<std::string> ignored;      // keys that mean nothing to anybody
    std::vector<std::string> foreign;      // keys of Falco's that mean nothing here
    std::vector<std::string> absent;       // rules files that do not exist
};

// Error: the file cannot be read or is no YAML map.
Result<SettingsFile> read_settings_file(const std::string& path);
// The same for its content; `path` is for messages.
Result<SettingsFile> parse_settings(const std::string& content, const std::string& path);

}  // namespace undercoat::outputs
