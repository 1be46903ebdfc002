// Calls whose exact result is still to come.
//
// The trap records a call with kResultFollows before it runs; the caller's shim writes the result afterwards. Until then
// the call is held here, by thread, so that one event with the exact result comes of the two. Must stay true: a thread has
// at most one held call; a held call is let go with its result, or without one when its deadline passes, its thread does
// something else, or its process ends; after that its result is recognised as late, and not taken for a call of its own.
#pragma once

#include "supervisor/event/decode.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

namespace undercoat::ingest {

struct Held {
    std::vector<uint8_t> record;
    event::RecordSource source;
    int64_t pid = 0, tid = 0;
    uint32_t seq = 0;
    uint16_t call = 0;
    uint64_t deadline = 0;  // monotonic ns
    uint64_t begin = 0;     // ring position before the record
    bool pins = true;       // its ring's tail may not pass it
};

class HoldQueue {
public:
    // How long a result is waited for. 0: as long as the thread does nothing else.
    static uint64_t patience(uint16_t call);

    void hold(Held h);
    // The held call that this result belongs to.
    std::optional<Held> take(int64_t pid, int64_t tid, uint16_t call, uint32_t seq);
    // The call of this thread, if one is held.
    std::optional<Held> take_thread(int64_t pid, int64_t tid);
    // Those of a process; those whose deadline has passed; the oldest that pins. In the order of their being held.
    std::vector<Held> take_process(int64_t pid);
    std::vector<Held> take_due(uint64_t now);
    std::vector<Held> take_all();
    std::optional<Held> take_oldest_pinning();
    // Whether this result belongs to a call that was let go without it. Forgets it.
    bool was_let_go(int64_t pid, uint16_t call, uint32_t seq);
    // Lowest position that a held call pins in this ring, or `otherwise`.
    uint64_t pinned(uint32_t ring, uint64_t otherwise) const;
    bool empty() const { return held_.empty(); }
    size_t size() const { return held_.size(); }

private:
    struct Entry {
        uint64_t order;
        Held held;
    };
    Held remove(std::unordered_map<int64_t, Entry>::iterator it, bool with_result);
    std::vector<Held> take_if(const std::function<bool(const Held&)>& f);
    std::unordered_map<int64_t, Entry> held_;  // by tid
    std::deque<std::pair<int64_t, uint64_t>> let_go_;  // pid, call << 32 | seq; bounded
    uint64_t next_ = 0;
};

}  // namespace undercoat::ingest
