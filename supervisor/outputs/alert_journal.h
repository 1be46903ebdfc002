// The alerts that were written, by event and rule, over the deaths of supervisors (wire/local/alert_journal.h).
//
// After a kill -9 the rings give again what had not been acknowledged; the alerts of part of it may have been written. The
// text of an alert cannot tell them from new ones that look the same, so each is noted here with its event. Must stay true:
// an alert is taken for written only if its line was written whole; in doubt it is written again; whatever the shared words
// hold, nothing but this answer depends on them. One thread, but for the words that belong to the LineSink.
#pragma once

#include "supervisor/event/event.h"
#include "supervisor/outputs/line_sink.h"
#include "wire/local/alert_journal.h"

#include <string_view>
#include <unordered_set>

namespace undercoat::outputs {

class AlertJournal {
public:
    // null: nothing is noted, and nothing counts as written (replay, tests).
    explicit AlertJournal(wire::AlertJournal* shared);

    // An earlier supervisor of this run wrote this alert.
    bool written_before(const event::EventId& id, std::string_view rule) const;
    // A line of `size` bytes is going to be handed to the writer.
    void note(const event::EventId& id, std::string_view rule, size_t size);
    // The writer did not take the line that was noted last.
    void withdraw(size_t size);
    // `size` bytes that are no alert are going to be handed to the writer.
    void note_bytes(size_t size) { handed_ += size; }
    // The last supervisor may have left half a line.
    bool was_torn() const { return torn_; }
    // The words that the writer keeps; null ones without a journal.
    LineSink::Progress progress() const;

private:
    struct Key {
        uint64_t position;
        uint32_t ring, rule;
        bool operator==(const Key&) const = default;
    };
    struct Hash {
        size_t operator()(const Key& k) const {
            return (k.position * 0x9e3779b97f4a7c15) ^ (uint64_t{k.ring} << 32 | k.rule) * 0xc2b2ae3d27d4eb4f;
        }
    };
    static Key key_of(const event::EventId& id, std::string_view rule);

    wire::AlertJournal* shared_;
    bool torn_ = false;
    uint64_t handed_ = 0;  // bytes of this run's lines, including those that are not written yet
    std::unordered_set<Key, Hash> before_;
};

}  // namespace undercoat::outputs
