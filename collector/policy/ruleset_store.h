// The rulesets that were uploaded, with their versions.
//
// Must stay true: a version once given never names other rules, also after its ruleset was removed. Thread-safe.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <memory>
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
    // rules.db of a directory.
    static Result<std::unique_ptr<RulesetStore>> open(const std::string& directory);
    virtual ~RulesetStore() = default;

    // Those in force, in order of precedence: by position, then by name. This and the next two throw where the store cannot be read.
    virtual std::vector<Ruleset> current() = 0;
    // In force, or of that number.
    std::optional<Ruleset> find(const std::string& name, std::optional<uint64_t> number = std::nullopt);
    virtual std::vector<uint64_t> numbers(const std::string& name) = 0;  // that are kept, newest first
    // The new version's number. Error: a sentence.
    Result<uint64_t> put(const Ruleset& ruleset);
    // False: there is none of that name in force.
    Result<bool> remove(const std::string& name);

protected:
    virtual std::optional<Ruleset> version(const std::string& name, uint64_t number) = 0;
    // The next version; its number. Removed: a version without files, that none is in force.
    virtual uint64_t insert(const Ruleset& ruleset, bool removed) = 0;
};

// Files as stores keep them: JSON.
std::string files_text(const Ruleset& ruleset);
void read_files(const std::string& text, Ruleset& ruleset);

}  // namespace undercoat::collector
