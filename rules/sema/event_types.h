// Sets of event types, and which of them can make a condition true.
//
// Must stay true: the inferred set is never too small: running a rule only on its set does not change a verdict.
#pragma once

#include "rules/catalogue.h"
#include "rules/lang/ast.h"

#include <functional>
#include <string>
#include <vector>

namespace undercoat::rules {

class EventTypeSet {
public:
    explicit EventTypeSet(size_t universe = 0, bool full = false);

    size_t universe() const { return universe_; }
    bool contains(EventTypeId t) const { return t < universe_ && (words_[t / 64] >> (t % 64) & 1) != 0; }
    void insert(EventTypeId t) { words_[t / 64] |= uint64_t{1} << (t % 64); }
    size_t count() const;
    std::vector<EventTypeId> to_vector() const;
    // Precondition of the next three: both of one universe.
    EventTypeSet& operator|=(const EventTypeSet& o);
    EventTypeSet& operator&=(const EventTypeSet& o);
    EventTypeSet complement() const;
    bool operator==(const EventTypeSet&) const = default;

private:
    size_t universe_;
    std::vector<uint64_t> words_;
};

// The types on which a condition can be true, and those on which it can be false.
struct EventTypeOutcome {
    EventTypeSet can_be_true;
    EventTypeSet can_be_false;
};

// of_macro gives the outcome of a macro's condition. Unknown event names count as no type; the typed check reports
// them.
using MacroOutcome = std::function<EventTypeOutcome(std::string_view name)>;
EventTypeOutcome infer_event_types(const Node& node, const Catalogue& catalogue, const MacroOutcome& of_macro);

}  // namespace undercoat::rules
