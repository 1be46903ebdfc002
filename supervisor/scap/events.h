// Events of a capture as events of ours: one for each call, made of its enter and its exit.
//
// Captures of old hold two events for a call; what rules see is the exit, with the parameters that only the enter carried put in
// (FALCO_SPEC 5.3). Must stay true: an enter alone is no event unless its kind has no exit; what is remembered of enters has a
// bound; whatever is not understood is counted by reason.
#pragma once

#include "supervisor/event/event.h"
#include "supervisor/scap/blocks.h"
#include "supervisor/scap/layout.h"

#include <unordered_map>

namespace undercoat::scap {

struct EventCounters {
    uint64_t events = 0;            // blocks of events, enters too
    uint64_t calls = 0;             // events given out
    uint64_t enters = 0;            // kept for their exits
    uint64_t malformed = 0;         // lengths that do not add up
    uint64_t unknown_codes = 0;     // kinds of events that are not known
    uint64_t unreadable_params = 0; // a parameter whose bytes do not fit its type
    uint64_t forgotten_enters = 0;  // given up because too many were kept
};

// The parts of an event's block.
struct RawEvent {
    uint64_t ts = 0;
    int64_t tid = 0;
    uint16_t cpu = 0;
    uint16_t code = 0;
    std::vector<Bytes> params;
};

bool is_event(BlockType type);
// False if its lengths do not add up.
bool parse_event(const Block& block, RawEvent& out);

class EventReader {
public:
    // Fills `e` if the block completes an event, all but the pid. `raw` is what the block itself held.
    bool read(const Block& block, event::Event& e);
    const RawEvent& raw() const { return raw_; }
    // Whether the last event that was given out has an enter of its own in the capture.
    bool had_enter() const { return had_enter_; }
    const EventCounters& counters() const { return counters_; }
    // A text parameter of the last block by the name that its version of the event gives it; empty if there is none.
    std::string_view text(std::string_view name) const;
    // Another capture follows in the same file: threads begin anew.
    void forget() { entered_.clear(), kept_bytes_ = 0; }

private:
    struct Entered {
        uint16_t code = 0;
        std::vector<uint8_t> bytes;
        std::vector<std::pair<uint32_t, uint32_t>> params;  // offset, length
    };
    void remember();
    void put_exit(event::Event& e, const Layout& layout);
    void put_enter(event::Event& e);
    uint16_t type_of_generic();

    RawEvent raw_;
    EventCounters counters_;
    std::unordered_map<int64_t, Entered> entered_;
    size_t kept_bytes_ = 0;
    bool had_enter_ = false;
    std::unordered_map<uint16_t, uint16_t> native_numbers_;  // of the format's own call numbers, as enters tell them
};

}  // namespace undercoat::scap
