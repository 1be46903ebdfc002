// What becomes of one record: order, results, holding, decoding.
#include "supervisor/ingest/ingest.h"

#include <cstring>

namespace undercoat::ingest {

using event::RecordSource;
using wire::RecordHeader;
using wire::RecordKind;
using wire::RecordView;
using wire::Tag;

namespace {

constexpr size_t kMostTold = 65536;

uint32_t seq_of(const RecordView& record) {
    const wire::Tlv t = event::find_tlv(record, Tag::seq);
    uint32_t seq = 0;
    if (t.size >= sizeof seq) std::memcpy(&seq, t.data, sizeof seq);
    return seq;
}

int64_t pid_of(const RecordHeader& h, const RecordSource& s) {
    return s.owner != 0 ? s.owner : static_cast<int64_t>(h.pid);
}

int64_t tid_of(const RecordHeader& h, const RecordSource& s) {
    return h.tid != 0 ? static_cast<int64_t>(h.tid) : pid_of(h, s);
}

}  // namespace

RecordSource Ingest::source_of(const RingState& r, const RecordHeader& h) const {
    RecordSource s;
    s.id = {r.id, r.reader.position()};
    s.owner = r.owner;
    s.history = r.reader.position() <= r.history_until;
    // A time in the future, or long ago, is a lie or another clock.
    constexpr uint64_t kMostPast = 3600'000'000'000;
    const uint64_t now = realtime_ns();
    s.ts = h.flags & wire::kTimeTsc ? clock_.to_realtime(h.time) : h.time;
    if (s.ts > now || now - s.ts > kMostPast) s.ts = now;
    return s;
}

void Ingest::handle(RingState& r, const uint8_t* bytes, size_t size, uint64_t begin, uint64_t now) {
    const RecordView record(bytes, size);
    if (!record.valid()) {
        ++counters_.malformed;
        return;
    }
    const RecordHeader& h = record.header();
    const RecordSource source = source_of(r, h);
    // The rings that history names have been read to there; its results are gone.
    if (source.history) return emit(record, nullptr, source);
    if (r.owner == 0) honour_order(record, now);
    if (record.kind() == RecordKind::result) return on_result(record, source);
    const int64_t pid = pid_of(h, source);
    // What is said of a process while its call is held is no call of it.
    if (!holds_.empty() && record.kind() != RecordKind::coverage) {
        // The thread has gone on without leaving its result.
        if (const auto held = holds_.take_thread(pid, tid_of(h, source))) let_go(*held);
        if (record.kind() == RecordKind::exit)
            for (const Held& other : holds_.take_process(pid)) let_go(other);
    }
    const bool waits = record.kind() == RecordKind::call && h.flags & wire::kResultFollows && r.owner == 0;
    if (waits) return hold(record, bytes, size, source, begin, now);
    if (r.owner == 0 && record.kind() == RecordKind::call) {
        if (told_by_trap_.size() >= kMostTold) told_by_trap_.clear();
        told_by_trap_.insert_or_assign(tid_of(h, source), h.call);
    }
    const bool plain = r.owner != 0 && record.kind() == RecordKind::call && h.flags == wire::kTimeTsc;
    if (plain && filter_ && filter_(r.owner, bytes, size)) return;
    emit(record, nullptr, source);
}

void Ingest::honour_order(const RecordView& record, uint64_t now) {
    bool told = false;
    record.each([&](const wire::Tlv& t) {
        wire::Order order;
        if (t.tag != Tag::order || t.size < sizeof order) return true;
        told = true;
        std::memcpy(&order, t.data, sizeof order);
        if (order.ring_id == 0 && order.head == 0) return true;
        auto it = by_id_.find(order.ring_id);
        if (it == by_id_.end() && fetch_rings_) {
            fetch_rings_();
            it = by_id_.find(order.ring_id);
        }
        if (it == by_id_.end()) ++counters_.order_unknown_ring;
        else if (it->second != trap_) drain_to(*it->second, order.head, now);
        return true;
    });
    if (!told) drain_ended(record.header(), now);
}

// An end that names no ring, told by whoever saw the process die: its rings are complete.
void Ingest::drain_ended(const RecordHeader& h, uint64_t now) {
    if (h.kind != static_cast<uint16_t>(RecordKind::exit)) return;
    for (const auto& r : rings_)
        if (r->owner == static_cast<int64_t>(h.pid) && r.get() != trap_) drain_to(*r, r->reader.head(), now);
}

void Ingest::hold(const RecordView& record, const uint8_t* bytes, size_t size, const RecordSource& source, uint64_t begin,
                  uint64_t now) {
    const RecordHeader& h = record.header();
    Held held;
    held.record.assign(bytes, bytes + size);
    held.source = source;
    held.pid = pid_of(h, source);
    held.tid = tid_of(h, source);
    held.seq = seq_of(record);
    held.call = h.call;
    held.begin = begin;
    const uint64_t patience = HoldQueue::patience(h.call);
    held.deadline = patience != 0 ? now + patience : 0;
    held.pins = patience != 0;
    holds_.hold(std::move(held));
}

void Ingest::on_result(const RecordView& record, const RecordSource& source) {
    const RecordHeader& h = record.header();
    const int64_t pid = pid_of(h, source);
    const uint32_t seq = seq_of(record);
    if (const auto held = holds_.take(pid, tid_of(h, source), h.call, seq)) {
        ++counters_.results_joined;
        emit(RecordView(held->record.data(), held->record.size()), &record, held->source);
        return;
    }
    if (holds_.was_let_go(pid, h.call, seq)) {
        ++counters_.results_late;
        return;
    }
    if (const auto told = told_by_trap_.find(tid_of(h, source)); told != told_by_trap_.end() && told->second == h.call) {
        told_by_trap_.erase(told);
        ++counters_.results_late;
        return;
    }
    // An outer filter kept the call from the trap: the result is all there is. No such filter hides what opens descriptors;
    // without its arguments such a call would only mislead.
    ++counters_.results_alone;
    const bool opens = h.call < wire::kCallCount && wire::kCalls[h.call].creates_fd;
    RecordSource alone = source;
    alone.masked = true;
    if (!opens || event::find_tlv(record, Tag::args).size != 0) emit(record, nullptr, alone);
}

// A held call without its result: the record says what is known, or that nothing is.
void Ingest::let_go(const Held& h) {
    ++counters_.results_missing;
    std::vector<uint8_t> copy = h.record;
    RecordHeader header;
    std::memcpy(&header, copy.data(), sizeof header);
    if (!(header.flags & wire::kInferred)) header.flags |= wire::kResultUnknown;
    std::memcpy(copy.data(), &header, sizeof header);
    emit(RecordView(copy.data(), copy.size()), nullptr, h.source);
}

void Ingest::release_held() {
    for (const Held& h : holds_.take_all()) let_go(h);
}

void Ingest::emit(const RecordView& record, const RecordView* result, const RecordSource& source) {
    if (event::decode(record, result, source, event_) != event::DecodeStatus::ok) {
        ++counters_.malformed;
        return;
    }
    handler_(event_);
}

}  // namespace undercoat::ingest
