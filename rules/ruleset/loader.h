// Loads rules files into a Ruleset.
//
// The format is Falco's, as of engine 0.63. Files are taken in order; a later one may change what an earlier one
// defined.
// Must stay true: loading stops at the first error of a file, whose definitions then count for nothing, and goes on
// with the next file; the input is hostile: sizes, nesting and the amount of text after substitution are bounded.
#pragma once

#include "rules/catalogue.h"
#include "rules/ruleset/definitions.h"
#include "rules/ruleset/problem.h"
#include "rules/ruleset/ruleset.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace undercoat::rules {

struct RulesFile {
    std::string name;  // for messages
    std::string content;
};

// The file's content, or an error naming it.
Result<RulesFile> read_rules_file(const std::string& path);

// One entry of the configuration that switches rules on or off; of several that match, the last wins.
struct RuleSelection {
    bool enable = true;
    bool by_tag = false;
    std::string pattern;  // a tag, or a rule name in which * stands for any text
};

struct LoadOptions {
    std::string engine_version = "0.63.0";
    std::vector<PluginVersion> plugins = {{"container", "0.7.1"}};
    Priority least_priority = Priority::debug;  // rules less severe are loaded, never enabled
    std::vector<RuleSelection> selections;
    unsigned max_depth = 1000;  // of nested conditions, macros included
    bool keep_trees = false;    // in the Ruleset, for explain.h; they take more memory than the program
};

struct FileResult {
    std::string name;
    std::vector<Problem> errors;    // at most one, since loading a file stops there
    std::vector<Problem> warnings;
    bool schema_valid = true;       // no key that no item of a rules file has
    bool ok() const { return errors.empty(); }
};

struct LoadResult {
    std::shared_ptr<const Ruleset> ruleset;  // of the files without errors; never null
    std::vector<FileResult> files;           // one for each file given
    bool ok() const;
};

LoadResult load_rules(std::span<const RulesFile> files, const Catalogue& catalogue, const LoadOptions& options = {});

}  // namespace undercoat::rules
