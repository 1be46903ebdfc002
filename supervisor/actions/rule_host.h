// Holds the loaded rules, reloads them when their files change, and matches events with them.
//
// Must stay true: a new set of files with an error never replaces rules that work; loading happens in a thread of its own,
// so that the drain of the rings does not wait for it; adopt() is the only place where the rules in use change; files are
// watched before they are read, so that no change falls between the two.
#pragma once

#include "base/unique_fd.h"
#include "rules/ruleset/loader.h"
#include "rules/ruleset/report.h"
#include "supervisor/fields/catalogue.h"
#include "supervisor/state/sink.h"

#include <functional>
#include <future>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace undercoat::actions {

enum class Severity { error, warning, info, debug };
using Log = std::function<void(Severity, const std::string&)>;

struct RuleSettings {
    std::vector<std::string> paths;  // files, and directories whose *.yaml and *.yml are taken, sorted by name
    rules::LoadOptions load;
    rules::Matching matching = rules::Matching::all;
};

// What these rules need of the capture.
state::Interest interest_of(const rules::Ruleset& set);

// Rules that come from somewhere else than the paths.
struct GivenRules {
    std::string version;  // empty: those of the paths are to be used
    std::vector<rules::RulesFile> files;
};

// What became of GivenRules.
struct GivenOutcome {
    std::string version;
    bool applied = false;
    std::string message;  // the loader's, where they were refused
};

class RuleHost {
public:
    RuleHost(const fields::FieldCatalogue& catalogue, RuleSettings settings, Log log);
    ~RuleHost();

    // Loads at once and uses what loaded without error, even if that is nothing. For the start. Given rules with an error are
    // left for those of the paths.
    void load_now();
    // The next load takes these, and so do all after it if they have no error: before load_now(), or for a load in the background.
    void give(GivenRules given);
    // Tells once what became of the last that were given.
    std::optional<GivenOutcome> outcome() { return std::exchange(outcome_, std::nullopt); }
    bool busy() const { return next_ || loading_.valid(); }
    // Of the rules in use: as given, or "local-" and a sum over the files.
    const std::string& version() const { return version_; }
    // Begins a reload in the background. A reload that runs already is followed by another.
    void request_reload();
    // Looks for changed files and finished loads. True if other rules are in use now.
    bool tick(uint64_t now_ns);

    const rules::Ruleset& ruleset() const { return matcher_->ruleset(); }
    // Calls on_match(rule) for each rule that the event matches. The arena is reset.
    template <class OnMatch>
    size_t match(rules::EventView& view, rules::Arena& arena, OnMatch on_match) {
        return matcher_->match(view, arena, settings_.matching, [&](const rules::Rule& rule) {
            ++matches_[rule.name];
            on_match(rule);
        });
    }
    // What the rules in use need of the capture.
    state::Interest interest() const { return interest_of(ruleset()); }
    const std::map<std::string, uint64_t, std::less<>>& matches() const { return matches_; }

private:
    struct Loaded {
        rules::LoadResult result;
        std::vector<std::string> files;
        std::vector<std::string> unreadable;  // messages
        std::string version;
        bool ok() const { return unreadable.empty() && result.ok(); }
    };
    static Loaded load(const fields::FieldCatalogue& catalogue, const RuleSettings& settings, const GivenRules& given);
    const GivenRules& wanted() const { return next_ ? *next_ : given_; }
    bool settle_given(const Loaded& loaded);
    void begin_load();
    void report(const Loaded& loaded) const;
    void adopt(Loaded loaded);
    void watch();
    bool files_changed();

    const fields::FieldCatalogue& catalogue_;
    const RuleSettings settings_;
    const Log log_;
    std::unique_ptr<rules::RuleMatcher> matcher_;
    std::map<std::string, uint64_t, std::less<>> matches_;
    UniqueFd watches_;
    uint64_t reload_at_ = 0;  // ns; 0: nothing is due
    std::future<Loaded> loading_;
    bool started_ = false, again_ = false, loading_next_ = false;
    GivenRules given_;                // in use
    std::optional<GivenRules> next_;  // not loaded yet, or being loaded
    std::optional<GivenOutcome> outcome_;
    std::string version_;
};

// The files that the paths name, in order; an error for a path that cannot be read.
Result<std::vector<std::string>> rules_files(const std::string& path);
using rules::problem_text;

}  // namespace undercoat::actions
