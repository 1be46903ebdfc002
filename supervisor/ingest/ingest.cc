// Rings, turns and commits. What becomes of a single record is in records.cc.
#include "supervisor/ingest/ingest.h"

#include <algorithm>
#include <sched.h>
#include <sys/mman.h>

namespace undercoat::ingest {

using wire::ReadStatus;
using wire::RingSlot;
using wire::SlotState;

Ingest::Ingest(Mapping registry, TscClock clock, Handler handler)
    : registry_mapping_(std::move(registry)),
      registry_(static_cast<wire::Registry*>(registry_mapping_.data())),
      clock_(clock),
      handler_(std::move(handler)),
      trap_buffer_(std::make_unique<uint8_t[]>(wire::kMaxRecord)),
      shim_buffer_(std::make_unique<uint8_t[]>(wire::kMaxRecord)) {}

Status Ingest::add_ring(uint32_t slot_number, int fd, std::optional<uint32_t> ring_id) {
    if (slot_number >= wire::kMaxRings) {
        ++counters_.refused_rings;
        return Error{"A ring was refused: its slot " + std::to_string(slot_number) + " does not exist."};
    }
    RingSlot& slot = registry_->slots[slot_number];
    const auto state = static_cast<SlotState>(__atomic_load_n(&slot.state, __ATOMIC_ACQUIRE));
    // The slot was given to another ring since the message was sent: this ring came to nothing, the other has its own message.
    if (ring_id && *ring_id != slot.ring_id) return Unit{};
    if (state != SlotState::live && state != SlotState::orphaned) {
        ++counters_.refused_rings;
        return Error{"A ring was refused: its slot " + std::to_string(slot_number) + " is not in use."};
    }
    Result<Mapping> mapping = map_ring(fd, slot.granules);
    if (!mapping) {
        ++counters_.refused_rings;
        return Error{mapping.error()};
    }
    if (const auto known = by_id_.find(slot.ring_id); known != by_id_.end()) return Unit{};
    auto r = std::make_unique<RingState>();
    r->slot = slot_number;
    r->id = slot.ring_id;
    r->owner = slot_number == 0 ? 0 : static_cast<int64_t>(slot.pid);
    r->mapping = std::move(*mapping);
    r->committed = r->limit = slot.tail;
    uint64_t begin = slot.tail;
    r->history_until = slot.tail;
    if (slot_number == 0) {
        // instrument's own ring: its control page is out of the workload's reach.
        const uint64_t kept = ring_of(r->mapping, slot.granules).control->tail;
        if (kept <= slot.tail && slot.tail - kept <= slot.granules) begin = kept;
        r->given_back = begin;
    }
    r->reader = wire::RingReader(ring_of(r->mapping, slot.granules), begin);
    by_id_[r->id] = r.get();
    if (slot_number == 0) trap_ = r.get();
    if (interest_known_) write_interest(*r);
    rings_.push_back(std::move(r));
    return Unit{};
}

void Ingest::set_interest(const CallSet& wanted, const CallSet& want_result, bool names, const CallSet& want_stack) {
    for (uint64_t* map : {wanted_, want_result_, want_stack_}) std::fill(map, map + wire::kBitmapWords, 0);
    for (size_t c = 0; c < wire::kCallCount; ++c) {
        if (wanted[c]) wanted_[c / 64] |= uint64_t{1} << (c % 64);
        if (want_result[c]) want_result_[c / 64] |= uint64_t{1} << (c % 64);
        if (want_stack[c]) want_stack_[c / 64] |= uint64_t{1} << (c % 64);
    }
    names_ = names;
    interest_known_ = true;
    for (auto& r : rings_) write_interest(*r);
}

void Ingest::write_interest(RingState& r) {
    wire::RingControl& c = *r.reader.ring().control;
    uint64_t stacks = 0;
    for (size_t i = 0; i < wire::kBitmapWords; ++i) {
        __atomic_store_n(&c.wanted[i], wanted_[i], __ATOMIC_RELAXED);
        __atomic_store_n(&c.want_result[i], want_result_[i], __ATOMIC_RELAXED);
        __atomic_store_n(&c.want_stack[i], want_stack_[i], __ATOMIC_RELAXED);
        stacks |= want_stack_[i];
    }
    __atomic_store_n(&c.stacks_wanted, uint32_t{stacks != 0}, __ATOMIC_RELAXED);
    __atomic_store_n(&c.names_wanted, uint64_t{names_}, __ATOMIC_RELAXED);
    __atomic_fetch_add(&c.generation, 1, __ATOMIC_RELEASE);
}

size_t Ingest::turn(uint64_t now) {
    handled_ = 0;
    for (auto& r : rings_) r->limit = r->reader.head();
    bool blocked = false;
    if (trap_ != nullptr && !trap_->bad) {
        // The shim rings' limits are older than this one: what they hide was written after the trap's records up to here.
        trap_->limit = trap_->reader.head();
        Step s = Step::progress;
        while (s == Step::progress && trap_->reader.position() < trap_->limit) s = step(*trap_, now, trap_buffer_.get());
        blocked = s == Step::blocked;
    }
    for (const Held& h : holds_.take_due(now)) let_go(h);
    make_room(now);
    if (!blocked) read_shim_rings(now);
    return handled_;
}

void Ingest::read_shim_rings(uint64_t now) {
    const size_t n = rings_.size();
    for (size_t k = 0; k < n; ++k) {
        RingState& r = *rings_[(first_ + k) % n];
        if (&r == trap_ || r.bad) continue;
        size_t quota = kQuota;
        Step s = Step::progress;
        while (s == Step::progress && quota-- > 0 && r.reader.position() < r.limit) s = step(r, now, shim_buffer_.get());
    }
    first_ = n != 0 ? (first_ + 1) % n : 0;
}

Ingest::Step Ingest::step(RingState& r, uint64_t now, uint8_t* buffer) {
    const uint64_t begin = r.reader.position();
    const bool old_hole = r.hole_since != 0 && r.hole_at == begin && now - r.hole_since >= kHolePatience;
    size_t size = 0;
    RingSlot& slot = registry_->slots[r.slot];
    __atomic_store_n(&slot.reading, 1, __ATOMIC_RELAXED);
    const ReadStatus status = r.reader.next(buffer, &size, old_hole);
    Step out = Step::progress;
    switch (status) {
        case ReadStatus::record:
            ++handled_, ++counters_.records;
            handle(r, buffer, size, begin, now);
            break;
        case ReadStatus::skipped: ++counters_.holes; break;
        case ReadStatus::empty: out = Step::end; break;
        case ReadStatus::corrupt:
            quarantine(r);
            out = Step::end;
            break;
        case ReadStatus::waiting:
            if (r.hole_at != r.reader.position() || r.hole_since == 0) r.hole_at = r.reader.position(), r.hole_since = now;
            out = Step::blocked;
            break;
    }
    __atomic_store_n(&slot.reading, 0, __ATOMIC_RELAXED);
    return out;
}

// Up to `head`, which the trap read while the caller was held. A writer in the middle of a record is given a moment, once: what a
// handler has jumped out of stays open, and every held call would wait for it.
void Ingest::drain_to(RingState& r, uint64_t head, uint64_t now) {
    const uint64_t end = std::min(head, r.reader.head());
    const uint64_t give_up = monotonic_ns() + 2'000'000;
    while (!r.bad && r.reader.position() < end) {
        const Step s = step(r, now, shim_buffer_.get());
        if (s == Step::progress) continue;
        const uint64_t hole = r.reader.position() + 1;
        if (s == Step::blocked && r.waited_for != hole && monotonic_ns() <= give_up) {
            sched_yield();
            continue;
        }
        if (s == Step::blocked) r.waited_for = hole;
        ++counters_.order_given_up;
        return;
    }
}

// Held calls pin the trap ring's tail: when it fills, the oldest are let go.
void Ingest::make_room(uint64_t now) {
    (void)now;
    if (trap_ == nullptr || trap_->bad) return;
    const uint64_t half = trap_->reader.ring().granules / 2;
    while (trap_->reader.head() - holds_.pinned(trap_->id, trap_->reader.position()) > half) {
        const std::optional<Held> h = holds_.take_oldest_pinning();
        if (!h) return;
        let_go(*h);
    }
}

void Ingest::quarantine(RingState& r) {
    r.bad = true;
    ++counters_.quarantined;
    __atomic_store_n(&registry_->slots[r.slot].state, static_cast<uint32_t>(SlotState::quarantined), __ATOMIC_RELEASE);
}

// The counters are the writers': differences only, and never trusted beyond that.
void Ingest::count_drops(RingState& r) {
    for (size_t i = 0; i < static_cast<size_t>(wire::Drop::count); ++i) {
        const uint32_t v = __atomic_load_n(&r.reader.ring().control->drops[i], __ATOMIC_RELAXED);
        counters_.ring_drops[i] += static_cast<uint32_t>(v - r.drops[i]);
        r.drops[i] = v;
    }
}

// The writers get the memory back at once; that of the trap ring after kHistory, or when a quarter of it is kept.
void Ingest::release_memory(RingState& r, uint64_t now) {
    uint64_t release = r.committed;
    if (&r == trap_) {
        if (r.kept.empty() || r.kept.back().second != r.committed) r.kept.emplace_back(now, r.committed);
        const uint64_t most = r.reader.ring().granules / 4;
        release = r.reader.ring().control->tail;
        while (!r.kept.empty() &&
               (now - r.kept.front().first >= kHistory || r.committed - r.kept.front().second > most)) {
            release = r.kept.front().second;
            r.kept.pop_front();
        }
        if (r.committed - release > most) release = r.committed;
        give_back(r, release);
    }
    __atomic_store_n(&r.reader.ring().control->tail, release, __ATOMIC_RELEASE);
}

// Before the writers may have them again: the trap ring is large for bursts, and shall not stay in memory for them. Pages that are used
// again come back as zeros, which no stamp is.
void Ingest::give_back(RingState& r, uint64_t until) {
    constexpr uint64_t kPage = 4096 / wire::kGranule, kAtOnce = 64 * kPage;
    const wire::Ring& ring = r.reader.ring();
    const uint64_t to = std::min(until, r.committed) / kPage * kPage;
    uint64_t from = (r.given_back + kPage - 1) / kPage * kPage;
    if (to < from + kAtOnce) return;
    r.given_back = to;
    if (to - from > ring.granules) from = to - ring.granules;
    while (from < to) {
        const uint64_t n = std::min<uint64_t>(to - from, ring.granules - from % ring.granules);
        // Where the kernel cannot, the memory stays until the next lap.
        (void)madvise(ring.at(from), n * wire::kGranule, MADV_REMOVE);
        from += n;
    }
}

uint64_t Ingest::safe_position(const RingState& r) const {
    const uint64_t position = r.reader.position();
    return holds_.empty() ? position : holds_.pinned(r.id, position);
}

void Ingest::move_tail(RingState& r, uint64_t to, uint64_t now) {
    if (to <= r.committed || r.bad) return;
    r.committed = to;
    __atomic_store_n(&registry_->slots[r.slot].tail, to, __ATOMIC_RELEASE);
    release_memory(r, now);
    count_drops(r);
}

bool Ingest::has_ended(const RingState& r) const {
    const uint32_t state = __atomic_load_n(&registry_->slots[r.slot].state, __ATOMIC_ACQUIRE);
    return &r != trap_ && state == static_cast<uint32_t>(SlotState::orphaned);
}

void Ingest::let_go_of_ended() {
    for (size_t i = 0; i < rings_.size();) {
        RingState& r = *rings_[i];
        const bool done = has_ended(r) && r.committed == r.reader.head();
        if (&r == trap_ || (!done && !r.bad)) {
            ++i;
            continue;
        }
        count_drops(r);
        if (done) __atomic_store_n(&registry_->slots[r.slot].state, static_cast<uint32_t>(SlotState::drained), __ATOMIC_RELEASE);
        by_id_.erase(r.id);
        rings_.erase(rings_.begin() + static_cast<std::ptrdiff_t>(i));
    }
}

void Ingest::commit(uint64_t now) {
    for (auto& r : rings_) move_tail(*r, safe_position(*r), now);
    let_go_of_ended();
}

void Ingest::mark() {
    for (auto& r : rings_) r->marked = safe_position(*r);
}

void Ingest::commit_mark(uint64_t now) {
    for (auto& r : rings_) move_tail(*r, r->marked, now);
    let_go_of_ended();
}

// The rings stand in the order of their coming: the oldest of the ended ones go first.
void Ingest::give_way(uint64_t now) {
    uint64_t granules = 0;
    size_t ended = 0;
    const auto touched = [](const RingState& r) { return std::min<uint64_t>(r.reader.head(), r.reader.ring().granules); };
    for (const auto& r : rings_)
        if (has_ended(*r)) granules += touched(*r), ++ended;
    for (auto& r : rings_) {
        const uint64_t safe = safe_position(*r);
        bool gives_way = safe - r->committed > r->reader.ring().granules / 2;
        if (has_ended(*r) && (granules > kEndedGranules || ended > kEndedRings)) {
            granules -= std::min(granules, touched(*r)), --ended;
            gives_way = true;
        }
        if (!gives_way || safe <= r->committed || r->bad) continue;
        move_tail(*r, safe, now);
        ++counters_.given_way;
    }
    let_go_of_ended();
}

bool Ingest::drained() const {
    if (!holds_.empty()) return false;
    return std::all_of(rings_.begin(), rings_.end(),
                       [](const auto& r) { return r->bad || r->reader.position() == r->reader.head(); });
}

}  // namespace undercoat::ingest
