// Takes records out of all rings, in an order that keeps cause before effect, and hands them on as events.
//
// Must stay true:
//  - order: a record of the trap says where its caller's ring stood (Tag::order); that ring is drained to there first. A
//    turn looks at the shim rings' heads before the trap ring's, and reads a shim ring only up to what it saw, so that no
//    shim record overtakes a trap record written before it;
//  - a record speaks only for the process that owns its ring;
//  - a ring's tail moves only after everything before it has gone through the whole pipeline and is written; the one
//    exception is a ring that cannot wait for that (give_way()), and is counted; held calls keep their ring's tail;
//  - the trap ring's memory is kept for a while longer (its control page's tail stays behind the registry's): a restarted
//    supervisor reads it again as history, so that it knows the processes that were born and died around the restart;
//  - one ring gets at most a quota per turn, so that a flood harms only the flooder; a ring that contradicts itself is
//    quarantined; whatever is passed over has a counter.
// One thread.
#pragma once

#include "supervisor/event/decode.h"
#include "supervisor/ingest/hold.h"
#include "supervisor/ingest/mapping.h"
#include "supervisor/ingest/tsc_clock.h"
#include "wire/local/ring_reader.h"

#include <bitset>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace undercoat::ingest {

struct Counters {
    uint64_t records = 0;
    uint64_t malformed = 0;           // no valid record, or of an unknown kind or call
    uint64_t holes = 0;               // left by writers that died; skipped after kHolePatience
    uint64_t quarantined = 0;         // rings
    uint64_t refused_rings = 0;
    uint64_t results_joined = 0;
    uint64_t results_missing = 0;     // held calls let go without their result
    uint64_t results_late = 0;        // results whose call had been told already
    uint64_t results_alone = 0;       // results of calls that the trap never saw
    uint64_t order_unknown_ring = 0;  // Tag::order names a ring that we do not have
    uint64_t order_given_up = 0;      // the named position could not be reached
    uint64_t given_way = 0;           // times a tail moved though what came of its records was not written yet
    uint64_t ring_drops[static_cast<size_t>(wire::Drop::count)] = {};
};

using CallSet = std::bitset<wire::kCallCount>;

class Ingest {
public:
    static constexpr uint64_t kHolePatience = 100'000'000;  // ns
    static constexpr uint64_t kHistory = 2'000'000'000;     // ns that the trap ring's memory is kept
    static constexpr size_t kQuota = 1024;                  // records of one shim ring in one turn
    static constexpr uint64_t kEndedGranules = 256 * 1024;  // 16 MiB: memory of ended rings that wait for slow outputs
    static constexpr size_t kEndedRings = 1024;             // and how many
    using Handler = std::function<void(event::Event&)>;

    Ingest(Mapping registry, TscClock clock, Handler handler);

    wire::Registry& registry() { return *registry_; }
    // Registry slot 0 is the trap ring. The ring's descriptor may be closed afterwards. Reading begins at the slot's tail.
    Status add_ring(uint32_t slot, int fd, std::optional<uint32_t> ring_id = std::nullopt);
    // What everybody who reads events wants; written to all rings, also to those that come later. Until the first call the
    // rings keep what instrument has put there: everything.
    void set_interest(const CallSet& wanted, const CallSet& want_result, bool names, const CallSet& want_stack = {});
    // Called when a record names a ring that is not known yet: its descriptor may be waiting in the socket.
    void on_missing_ring(std::function<void()> fetch) { fetch_rings_ = std::move(fetch); }

    // Asked about each of the shim's calls just before it would be decoded: true lets it pass for done.
    using Filter = std::function<bool(int64_t owner, const uint8_t* record, size_t size)>;
    void set_filter(Filter filter) { filter_ = std::move(filter); }

    // Reads what is there. Returns the number of records. `now`: CLOCK_MONOTONIC, ns.
    size_t turn(uint64_t now);
    // Everything handed out by turn() is safe: move the tails, let go of ended rings.
    void commit(uint64_t now);
    // Not all of it is safe yet. mark() remembers how far it goes; commit_mark(): what the last mark() remembered is safe.
    void mark();
    void commit_mark(uint64_t now);
    // To be called while it is not: moves the tails of rings that are half full, and of ended ones when they hold too much
    // memory. A death of this process then loses what came of them.
    void give_way(uint64_t now);
    // Sleeps until a writer has a record or instrument a message, or a signal comes, at most until `until` (CLOCK_MONOTONIC, ns). False,
    // at once: there is something to do, or not every writer could wake us: one that has confined itself makes no call of its own, and in
    // `preload` mode nobody knows who has; or the kernel cannot wait for several words (before 5.16), or for so many.
    bool sleep(uint64_t until);
    // No record is left anywhere and no call is held.
    bool drained() const;
    // Lets all held calls go without their results (at the end).
    void release_held();
    TscClock& clock() { return clock_; }
    const Counters& counters() const { return counters_; }
    size_t ring_count() const { return rings_.size(); }

private:
    struct RingState {
        uint32_t slot = 0;
        uint32_t id = 0;
        int64_t owner = 0;  // 0: the trap ring
        Mapping mapping;
        wire::RingReader reader;
        uint64_t limit = 0;
        uint64_t committed = 0;
        uint64_t marked = 0;         // where commit_mark() moves the tail
        uint64_t history_until = 0;  // what lies before was output by an earlier supervisor
        std::deque<std::pair<uint64_t, uint64_t>> kept;  // when (ns) each position was committed: the trap ring only
        uint64_t given_back = 0;     // up to where its memory was: the trap ring only
        uint64_t hole_at = 0, hole_since = 0;
        uint64_t waited_for = 0;     // the position + 1 at which drain_to() gave up
        uint32_t drops[static_cast<size_t>(wire::Drop::count)] = {};
        bool bad = false;
    };
    enum class Step : uint8_t { progress, blocked, end };

    Step step(RingState& r, uint64_t now, uint8_t* buffer);
    void handle(RingState& r, const uint8_t* bytes, size_t size, uint64_t begin, uint64_t now);
    void honour_order(const wire::RecordView& record, uint64_t now);
    void drain_ended(const wire::RecordHeader& h, uint64_t now);
    void drain_to(RingState& r, uint64_t head, uint64_t now);
    void on_result(const wire::RecordView& record, const event::RecordSource& source);
    void hold(const wire::RecordView& record, const uint8_t* bytes, size_t size, const event::RecordSource& source,
              uint64_t begin, uint64_t now);
    void emit(const wire::RecordView& record, const wire::RecordView* result, const event::RecordSource& source);
    void let_go(const Held& h);
    void make_room(uint64_t now);
    bool all_can_wake_us() const;
    void quarantine(RingState& r);
    void release_memory(RingState& r, uint64_t now);
    void give_back(RingState& r, uint64_t until);
    uint64_t safe_position(const RingState& r) const;
    void move_tail(RingState& r, uint64_t to, uint64_t now);
    bool has_ended(const RingState& r) const;
    void let_go_of_ended();
    void count_drops(RingState& r);
    void write_interest(RingState& r);
    void read_shim_rings(uint64_t now);
    event::RecordSource source_of(const RingState& r, const wire::RecordHeader& h) const;
    RingState* trap() const { return trap_; }

    Mapping registry_mapping_;
    wire::Registry* registry_;
    TscClock clock_;
    Handler handler_;
    std::function<void()> fetch_rings_;
    Filter filter_;
    std::vector<std::unique_ptr<RingState>> rings_;
    std::unordered_map<uint32_t, RingState*> by_id_;
    RingState* trap_ = nullptr;
    HoldQueue holds_;
    bool no_waitv_ = false;  // the kernel has it not
    event::Event event_;
    Counters counters_;
    // The last call of each thread that the trap told with a result of its own making: a result record that comes for it all
    // the same (the shim got its ring only during the call) says nothing new.
    std::unordered_map<int64_t, uint16_t> told_by_trap_;
    size_t handled_ = 0;
    size_t first_ = 0;  // the ring that is read first rotates
    uint64_t wanted_[wire::kBitmapWords] = {}, want_result_[wire::kBitmapWords] = {}, want_stack_[wire::kBitmapWords] = {};
    bool names_ = false;
    bool interest_known_ = false;
    std::unique_ptr<uint8_t[]> trap_buffer_, shim_buffer_;
};

}  // namespace undercoat::ingest
