// `undercoat rules test FILE…`: runs unit tests of rules.
#include "supervisor/cli/commands.h"
#include "supervisor/cli/field_event.h"
#include "supervisor/cli/recorded.h"
#include "supervisor/cli/rule_tests.h"
#include "supervisor/cli/rules_files.h"
#include "rules/ruleset/explain.h"

#include <boost/json.hpp>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <set>

namespace undercoat::cli {
namespace {

namespace json = boost::json;

struct Alert {
    std::string rule, priority, output;
};

struct Outcome {
    std::vector<std::string> differences;  // lines of a diff; empty: passed
    std::string trouble;                   // why the test could not run
    bool passed() const { return differences.empty() && trouble.empty(); }
};

// Loaded rules and what one test makes of them.
class Runner {
public:
    Runner(const fields::FieldCatalogue& catalogue, std::shared_ptr<const rules::Ruleset> set, bool first_match)
        : catalogue_(catalogue), set_(std::move(set)), matcher_(set_),
          matching_(first_match ? rules::Matching::first : rules::Matching::all) {}

    Outcome run(const RuleTest& test) {
        Outcome out;
        alerts_.clear(), reasons_.clear();
        number_ = 0;
        only_ = {test.only.begin(), test.only.end()};
        wanted_.clear();
        for (const ExpectedAlert& a : test.alerts) wanted_.insert(a.rule);
        for (const auto& names : {only_, wanted_})
            for (const std::string& name : names)
                if (out.trouble.empty()) out.trouble = unknown(name);
        Recorded recorded(catalogue_);
        if (out.trouble.empty() && !test.recording.empty()) out.trouble = play(test.recording, recorded);
        for (const TestEvent& e : test.events)
            if (out.trouble.empty()) out.trouble = apply(e, recorded);
        if (out.trouble.empty()) compare(test, out);
        return out;
    }

private:
    std::string unknown(const std::string& name) const {
        std::vector<std::string_view> names;
        for (const rules::Rule& r : set_->rules()) {
            if (r.name == name && !r.enabled) return "the rule '" + name + "' is disabled";
            if (r.name == name) return "";
            names.push_back(r.name);
        }
        const std::string near = rules::nearest_name(name, names);
        return "there is no rule '" + name + "'" + (near.empty() ? "" : "; did you mean '" + near + "'?");
    }

    std::string play(const std::string& file, Recorded& recorded) {
        std::ifstream in(file);
        if (!in) return file + " cannot be read";
        size_t number = 0;
        for (std::string line; std::getline(in, line);) {
            ++number;
            if (line.empty()) continue;
            if (Status s = recorded.next(line); !s) return file + ":" + std::to_string(number) + ": " + s.error();
            if (recorded.has_type()) match(recorded.view());
        }
        return "";
    }

    std::string apply(const TestEvent& e, Recorded& recorded) {
        const auto at_line = [&](const std::string& message) {
            return "line " + std::to_string(e.line) + ": " + message;
        };
        if (!e.json.empty()) {
            if (Status s = recorded.next(e.json); !s) return at_line(s.error());
            if (recorded.has_type()) match(recorded.view());
            return "";
        }
        auto event = FieldEvent::make(catalogue_, e.type);
        if (!event) return at_line(event.error());
        for (const auto& [field, values] : e.fields)
            if (Status s = event->set(field, values); !s) return at_line(s.error());
        match(*event);
        return "";
    }

    bool counts(const std::string& rule) const { return only_.empty() || only_.contains(rule); }

    void match(rules::EventView& view) {
        ++number_;
        std::set<std::string> matched;
        matcher_.match(view, arena_, matching_, [&](const rules::Rule& r) {
            matched.insert(r.name);
            if (counts(r.name))
                alerts_.push_back({r.name, std::string(rules::to_string(r.priority)), r.output.render(view).text});
        });
        for (const std::string& name : wanted_)
            if (!matched.contains(name)) remember_reason(name, view);
    }

    // What kept the rule from matching this event. Of many events, the last ones are kept.
    void remember_reason(const std::string& name, rules::EventView& view) {
        constexpr size_t kMost = 8;
        for (const rules::Rule& r : set_->rules()) {
            if (r.name != name || !r.event_types.contains(view.type())) continue;
            auto tree = rules::explain_rule(*set_, r, catalogue_, view);
            if (!tree) return;
            std::vector<std::string>& lines = reasons_[name];
            for (const rules::Explained* e : rules::decisive(*tree)) {
                std::string line = "event " + std::to_string(number_) + ": ";
                line += e->text.size() > 120 ? e->text.substr(0, 120) + "…" : e->text;
                line += std::string(" is ") + (e->verdict ? "true" : "false");
                for (const auto& o : e->operands)
                    line += ", " + o.field + (o.exists ? " = " + o.value : " has no value");
                lines.push_back(std::move(line));
            }
            if (lines.size() > kMost) lines.erase(lines.begin(), lines.end() - kMost);
        }
    }

    static std::string difference(const ExpectedAlert& e, const Alert& a) {
        if (e.priority && *e.priority != a.priority) return "priority: expected " + *e.priority + ", got " + a.priority;
        if (e.output && *e.output != a.output)
            return "output: expected " + *e.output + "\n               got " + a.output;
        if (e.output_contains && a.output.find(*e.output_contains) == a.output.npos)
            return "output: expected it to contain '" + *e.output_contains + "'\n               got " + a.output;
        return "";
    }

    // Aligns by the longest common subsequence of rule names, so that one missing alert does not shift all others.
    void compare(const RuleTest& test, Outcome& out) const {
        const auto& want = test.alerts;
        const size_t n = want.size(), m = alerts_.size();
        std::vector<std::vector<size_t>> common(n + 1, std::vector<size_t>(m + 1));
        for (size_t i = n; i-- > 0;)
            for (size_t j = m; j-- > 0;)
                common[i][j] = want[i].rule == alerts_[j].rule ? common[i + 1][j + 1] + 1
                                                               : std::max(common[i + 1][j], common[i][j + 1]);
        std::vector<std::pair<size_t, size_t>> pairs;  // of the wanted and the alert; n or m where there is no other
        std::multimap<std::string, size_t> elsewhere;  // alerts without a partner in order
        for (size_t i = 0, j = 0; i < n || j < m;) {
            if (i < n && j < m && want[i].rule == alerts_[j].rule) pairs.emplace_back(i++, j++);
            else if (j == m || (i < n && common[i + 1][j] >= common[i][j + 1])) pairs.emplace_back(i++, m);
            else elsewhere.emplace(alerts_[j].rule, j), pairs.emplace_back(n, j++);
        }
        std::set<size_t> moved;
        for (auto& [i, j] : pairs) {
            const auto other = i < n && j == m ? elsewhere.find(want[i].rule) : elsewhere.end();
            if (other == elsewhere.end()) continue;
            moved.insert(j = other->second);
            elsewhere.erase(other);
        }
        for (const auto& [i, j] : pairs) {
            if (i == n) {
                if (!moved.contains(j))
                    out.differences.push_back("+ " + alerts_[j].rule + "    (not expected)\n    " + alerts_[j].output);
            } else if (j == m) {
                missing(want[i], out);
            } else {
                if (moved.contains(j))
                    out.differences.push_back("~ " + want[i].rule + "    (expected in line " + std::to_string(want[i].line) +
                                              ", came in another order: as alert " + std::to_string(j + 1) + ")");
                if (const std::string d = difference(want[i], alerts_[j]); !d.empty())
                    out.differences.push_back("! " + want[i].rule + "\n    " + d);
            }
        }
    }

    void missing(const ExpectedAlert& e, Outcome& out) const {
        std::string text = "- " + e.rule + "    (expected in line " + std::to_string(e.line) + ", did not come)";
        if (const auto it = reasons_.find(e.rule); it != reasons_.end()) {
            for (const std::string& line : it->second) text += "\n    " + line;
        } else {
            text += "\n    no event was of a type that the rule looks at";
        }
        out.differences.push_back(std::move(text));
    }

    const fields::FieldCatalogue& catalogue_;
    std::shared_ptr<const rules::Ruleset> set_;
    rules::RuleMatcher matcher_;
    rules::Matching matching_;
    rules::Arena arena_;
    std::set<std::string> only_, wanted_;
    size_t number_ = 0;  // of the event, in the test
    std::vector<Alert> alerts_;
    std::map<std::string, std::vector<std::string>> reasons_;
};

struct Tally {
    size_t passed = 0, failed = 0;
    json::array tests;

    void add(const RuleTestFile& file, const RuleTest& test, const Outcome& o, bool as_json) {
        (o.passed() ? passed : failed) += 1;
        if (as_json) {
            json::array differences(o.differences.begin(), o.differences.end());
            if (!o.trouble.empty()) differences.emplace_back(o.trouble);
            tests.push_back({{"file", file.path}, {"line", test.line}, {"name", test.name}, {"passed", o.passed()},
                             {"differences", std::move(differences)}});
            return;
        }
        std::printf("%s  %s\n", o.passed() ? "ok  " : "FAIL", test.name.c_str());
        if (o.passed()) return;
        std::printf("  %s:%zu\n", file.path.c_str(), test.line);
        if (!o.trouble.empty()) std::printf("  %s\n", o.trouble.c_str());
        for (const std::string& d : o.differences) std::printf("  %s\n", d.c_str());
    }
};

}  // namespace

int test_rules(const std::vector<std::string>& test_files, const std::vector<std::string>& rules_paths, bool as_json) {
    const fields::FieldCatalogue catalogue;
    Tally tally;
    bool fine = true;
    for (const std::string& path : test_files) {
        auto file = read_rule_tests(path);
        if (!file) {
            std::fprintf(stderr, "undercoat: %s\n", file.error().c_str());
            fine = false;
            continue;
        }
        std::vector<std::string> paths = rules_paths;
        paths.insert(paths.end(), file->rules.begin(), file->rules.end());
        const RulesFiles files = read_rules(or_bundled(paths));
        rules::LoadOptions options;
        options.keep_trees = true;
        const rules::LoadResult loaded = rules::load_rules(files.contents, catalogue, options);
        if (!complain(files, loaded)) {
            fine = false;
            continue;
        }
        Runner runner(catalogue, loaded.ruleset, file->first_match);
        for (const RuleTest& test : file->tests) tally.add(*file, test, runner.run(test), as_json);
    }
    if (as_json)
        std::cout << json::object{{"passed", tally.passed}, {"failed", tally.failed}, {"tests", std::move(tally.tests)}}
                  << "\n";
    else
        std::printf("%zu passed, %zu failed\n", tally.passed, tally.failed);
    return fine && tally.failed == 0 ? 0 : 1;
}

}  // namespace undercoat::cli
