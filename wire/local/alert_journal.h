// Which alerts of which events have been written: how a supervisor that takes over from a dead one knows what it may leave out.
//
// Part of the registry. Freestanding; the supervisor is the only writer. Must stay true: an entry is complete before its line
// is handed to the writer; `written` is raised only after the bytes it counts have been written. A death between the two
// makes a line come twice; none can be missing.
#pragma once

#include <cstdint>

namespace undercoat::wire {

inline constexpr uint32_t kJournalEntries = 1 << 15;

struct JournalEntry {
    uint64_t end;        // of the line, in bytes of all lines of this run; 0: a free entry
    uint64_t position;   // of the event's record in its ring
    uint32_t ring;       // the ring's id
    uint32_t rule;       // a hash of the rule's name
};

struct AlertJournal {
    uint64_t written;    // bytes of all lines of this run that have been written, wherever to
    uint32_t torn;       // 1 while half a line may be where nobody cuts it off: a pipe, a terminal
    uint32_t reserved;
    uint64_t next;       // entry that is used next, modulo kJournalEntries: the oldest gives way
    JournalEntry entries[kJournalEntries];
};

}  // namespace undercoat::wire
