// Counts the outcomes of conformance cases and runs them by kind.
#pragma once

#include "tests/cases/backend.h"

#include <map>
#include <string>
#include <vector>

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
// Runs each case of a kind; one that lacks what its kind needs fails by itself.
template <class F>
void each_case(const YAML::Node& cases, const std::string& kind, Tally& tally, F run) {
    for (const auto& c : cases) {
        try {
            run(c);
        } catch (const std::exception& e) {
            tally.fail(kind, c.IsMap() && c["id"] ? c["id"].as<std::string>() : kind, std::string("cannot be run: ") + e.what());
        }
    }
}

// `places`: directories in which captures are looked for. Rules that cases name are those of the document, else of `rules`.
void run_detection_cases(const YAML::Node& document, const YAML::Node& rules, const std::vector<std::string>& places,
                         Backend& backend, Tally& tally);
void run_loader_cases(const YAML::Node& document, Backend& backend, Tally& tally);

// The text of a scalar, or the bytes of {hex: ...}.
std::string text_of(const YAML::Node& node);

}  // namespace undercoat::conformance
