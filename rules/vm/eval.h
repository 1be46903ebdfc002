// Runs compiled conditions on one event at a time.
//
// Must stay true: for one event every field is extracted and every check and macro evaluated at most once; after the
// first events nothing is allocated on the heap. One Evaluator belongs to one thread.
#pragma once

#include "rules/catalogue.h"
#include "rules/vm/program.h"

#include <vector>

namespace undercoat::rules {

class Evaluator {
public:
    explicit Evaluator(const Program& program);

    // Starts a new event. The event and the arena, which the caller has reset, must outlive the calls that follow.
    void begin(EventView& event, Arena& arena);
    // The verdict of the condition whose code starts there.
    bool run(uint32_t start);
    const Value& value(uint32_t operation);

private:
    struct Memo {
        uint32_t stamp = 0;
        bool verdict = false;
    };
    struct ValueMemo {
        uint32_t stamp = 0;
        Value value;
    };

    bool check(uint32_t index);
    bool call(uint32_t macro);
    bool evaluate(const Check& check);
    bool evaluate_list(const Check& check, const Value& left);
    bool evaluate_scalar(const Check& check, const Value& left);
    // One element of left against the literal of that index, or against other if index is none.
    bool matches(const Check& check, const Value& left, size_t index);
    bool compare(const Check& check, const Value& left, const Value& right);
    bool in_set(const Check& check, const Value& element);
    bool equal(const Check& check, const Value& a, const Value& b);
    bool regex_match(const RE2& pattern, std::string_view text);
    template <class Test>
    bool by_mode(const Check& check, const Value& left, Test test);
    Value compute(const Operation& operation);

    const Program& program_;
    EventView* event_ = nullptr;
    Arena* arena_ = nullptr;
    uint32_t stamp_ = 0;
    std::vector<Memo> checks_;
    std::vector<Memo> macros_;
    std::vector<ValueMemo> values_;
};

}  // namespace undercoat::rules
