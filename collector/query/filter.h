// A condition of the rule language as a filter of alerts, and the terms by which the index finds candidates for it.
//
// Must stay true: an alert that the condition matches has every needed term, so that looking only at those candidates
// changes no result; the verdict itself is always the rule engine's.
#pragma once

#include "collector/query/alert_view.h"
#include "rules/arena.h"
#include "rules/vm/eval.h"

#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace undercoat::collector {

struct FilterError {
    std::string message;
    size_t offset = 0;  // bytes into the condition
};

class Filter {
public:
    static std::variant<std::shared_ptr<const Filter>, FilterError> compile(std::string_view condition);

    // For the `terms` column of the full-text index, in FTS5's query language; empty: the index is of no help.
    const std::string& needed_terms() const { return needed_terms_; }

private:
    friend class FilterRun;
    Filter() = default;
    std::unique_ptr<AlertCatalogue> catalogue_;
    std::shared_ptr<const rules::Program> program_;
    uint32_t start_ = 0;
    std::string needed_terms_;
};

// Applies one filter, in one thread.
class FilterRun {
public:
    explicit FilterRun(std::shared_ptr<const Filter> filter) : filter_(std::move(filter)), evaluator_(*filter_->program_) {}
    bool matches(const AlertRecord& record);

private:
    std::shared_ptr<const Filter> filter_;
    rules::Evaluator evaluator_;
    rules::Arena arena_;
    AlertView view_;
};

// What the index keeps of an alert beside its words: one term for each field with its value, each once.
std::string terms_of(const AlertRecord& record);
// The same of one field; empty if the value is too long to be kept.
std::string term(std::string_view field, std::string_view value);
// In FTS5's query language: one of the terms of alerts of that severity and worse. 4: of warnings and what is worse.
std::string terms_of_severity(unsigned least);

}  // namespace undercoat::collector
