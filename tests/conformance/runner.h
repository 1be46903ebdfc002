// Counts the outcomes of conformance cases and runs them by kind.
#pragma once

#include "tests/conformance/backend.h"

#include <map>
#include <string>

namespace undercoat::conformance {

class Tally {
public:
    void pass(const std::string& kind) { ++counts_[kind].passed; }
    void fail(const std::string& kind, const std::string& id, const std::string& why);
    void skip(const std::string& kind, const std::string& id, const std::string& why);
    // Per kind, then the one line of the total. Returns whether nothing failed.
    bool report() const;

private:
    struct Count {
        int passed = 0, failed = 0, skipped = 0;
    };
    std::map<std::string, Count> counts_;
};

// Each runs the cases of its kinds in one file's document.
void run_filter_cases(const YAML::Node& document, Backend& backend, Tally& tally);
void run_value_cases(const YAML::Node& document, Backend& backend, Tally& tally);
void run_loader_cases(const YAML::Node& document, Backend& backend, Tally& tally);

// The text of a scalar, or the bytes of {hex: ...}.
std::string text_of(const YAML::Node& node);

}  // namespace undercoat::conformance
