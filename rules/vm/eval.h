// Runs compiled conditions on one event at a time.
//
// Must stay true: for one event every field is extracted and every check and macro evaluated at most once; after the
// first events nothing is allocated on the heap. One Evaluator belongs to one thread.
#pragma once

#include "rules/catalogue.h"
#include "rules/vm/plan.h"
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

    struct Memo {
        uint64_t stamped = 0;  // twice the stamp, and one more if the verdict is true
        bool is_of(uint64_t stamp) const { return stamped >> 1 == stamp; }
        bool verdict() const { return (stamped & 1) != 0; }
        bool set(uint64_t stamp, bool v) { return stamped = stamp << 1 | uint64_t{v}, v; }
    };
    // A plan for the events of one type, with what this evaluator remembers of its parts.
    struct Prepared {
        Plan plan;
        std::vector<Memo> parts;
    };
    // For the type of the event that begin() was called with.
    Prepared prepare(std::span<const PlannedCondition> conditions);
    // The numbers of the conditions that hold go to `matched`, in no order. prepared: of this evaluator, for this event's type.
    void run(Prepared& prepared, std::vector<uint32_t>& matched);

private:
    struct ValueMemo {
        uint64_t stamp = 0;
        uint32_t literal = unknown;  // the number of this text among the operation's literals
        Value value;
    };
    static constexpr uint32_t unknown = UINT32_MAX, none = UINT32_MAX - 1;

    bool check(uint32_t index);
    bool call(uint32_t macro);
    bool part(Prepared& prepared, uint32_t index);
    bool evaluate(const Check& check);
    bool evaluate_text(const Check& check, std::string_view left);
    bool names(const Check& check, std::string_view left);
    bool evaluate_any(const Check& check, const Value& left);
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
    uint64_t stamp_ = 0;  // of the event: what is remembered under another is of another event
    std::vector<Memo> checks_;
    std::vector<Memo> macros_;
    std::vector<ValueMemo> values_;
};

}  // namespace undercoat::rules
