// What rules files define, after appends and overrides, before anything is compiled.
//
// Must stay true: this is data only; texts keep the place they came from, part by part, so that an error in text that
// was put together of several files is reported at the right line.
#pragma once

#include "rules/ruleset/problem.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace undercoat::rules {

enum class Priority : uint8_t { emergency, alert, critical, error, warning, notice, informational, debug };
std::string_view to_string(Priority p);  // "Warning"
std::optional<Priority> priority_named(std::string_view name);  // any case; "info" too

struct TextPart {
    std::string text;
    Position position;  // of the scalar in its file
};

// Parts joined with one blank.
struct Text {
    std::vector<TextPart> parts;
    std::string joined() const;
};

// index: position of the first definition; visibility: of the last one or append. Both count items over all files.
struct ListDefinition {
    std::string name;
    std::vector<std::string> items;
    bool used_by_list = false;
    Location location;
    size_t index = 0, visibility = 0;
};

struct MacroDefinition {
    std::string name;
    Text condition;
    Location location;
    size_t index = 0, visibility = 0;
};

// A value, or a list of values, or a list of lists of them.
struct ExceptionValue {
    bool is_list = false;
    std::string text;
    std::vector<ExceptionValue> items;
};

struct ExceptionDefinition {
    std::string name;
    bool scalar_fields = false;  // "fields: f" instead of "fields: [f]"
    std::vector<std::string> fields;
    std::vector<std::string> comps;
    std::vector<ExceptionValue> values;
    Location location;
};

struct RuleDefinition {
    std::string name;
    Text condition, output, description;
    Priority priority = Priority::debug;
    std::string source;
    std::vector<std::string> tags;  // sorted, each once
    std::vector<ExceptionDefinition> exceptions;
    bool enabled = true;
    bool skip_if_unknown = false;
    bool warn_evttypes = true;
    bool capture = false;
    uint64_t capture_duration_ms = 0;
    bool unknown_source = false;  // kept so that later items of that name find it, never compiled
    Location location;
    size_t index = 0, visibility = 0;
};

struct PluginVersion {
    std::string name, version;
};

struct Definitions {
    std::vector<ListDefinition> lists;    // in order of first definition, as all three
    std::vector<MacroDefinition> macros;
    std::vector<RuleDefinition> rules;
    std::string required_engine_version;  // of the last file that said one
    std::vector<std::vector<PluginVersion>> required_plugins;  // of each, one alternative is enough
    size_t items = 0;                     // counted over all files
};

}  // namespace undercoat::rules
