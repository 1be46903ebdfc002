// The rulesets that were uploaded, with their versions: rules.db of the collector's directory.
//
// Must stay true: a version once given never names other rules, also after its ruleset was removed. Thread-safe.
#pragma once

#include "base/result.h"
#include "collector/store/sqlite.h"

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace undercoat::collector {

struct Ruleset {
    std::string name, scope, author;
    uint64_t number = 0;
    int64_t position = 100;  // lower ones come first
    int64_t created_ns = 0;
    std::vector<std::pair<std::string, std::string>> files;  // name and content
    std::string version() const { return name + "@" + std::to_string(number); }
};

class RulesetStore {
public:
    static constexpr size_t kVersions = 20;  // kept of each ruleset
    static Result<std::unique_ptr<RulesetStore>> open(const std::string& directory);

    // Those in force, in order of precedence: by position, then by name.
    std::vector<Ruleset> current();
    // In force, or of that number.
    std::optional<Ruleset> find(const std::string& name, std::optional<uint64_t> number = std::nullopt);
    std::vector<uint64_t> numbers(const std::string& name);  // that are kept, newest first
    // The new version's number. Error: a sentence.
    Result<uint64_t> put(Ruleset ruleset);
    // False: there is none of that name in force.
    Result<bool> remove(const std::string& name);

private:
    explicit RulesetStore(const std::string& directory);
    uint64_t insert(const Ruleset& ruleset, bool removed);
    std::mutex mutex_;
    Database db_;
};

}  // namespace undercoat::collector
