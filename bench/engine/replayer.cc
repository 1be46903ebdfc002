// Rings filled from a recording, see replayer.h.
#include "bench/engine/replayer.h"

#include "tests/unit/supervisor/support/ring_fixture.h"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <fstream>
#include <sstream>
#include <unordered_map>

namespace undercoat::bench {
namespace {

constexpr size_t kTurn = 256;  // records that one turn finds

// Writes at a position of the recording's; what lies before it is a pad.
void write_at(test::TestRing& ring, const RecordingEntry& e, const char* bytes) {
    const uint32_t total = ring.ring.granules;
    uint64_t head = ring.head();
    while (head < e.position) {
        const uint64_t n = std::min<uint64_t>({e.position - head, total - (head & (total - 1)), 0xffff});
        wire::RecordHeader pad{};
        pad.kind = static_cast<uint16_t>(wire::RecordKind::pad);
        std::memcpy(ring.ring.at(head) + 8, reinterpret_cast<char*>(&pad) + 8, wire::kHeaderSize - 8);
        *ring.ring.stamp(head) = wire::make_stamp(head, total, n, wire::kStateCommitted);
        head += n;
    }
    std::memcpy(ring.ring.at(head) + 8, bytes + 8, e.size - 8);
    *ring.ring.stamp(head) = wire::make_stamp(head, total, e.granules, wire::kStateCommitted);
    __atomic_store_n(&ring.ring.control->head, head + e.granules, __ATOMIC_RELEASE);
}

bool is_wanted(const char* bytes, const ingest::CallSet& wanted) {
    wire::RecordHeader h;
    std::memcpy(&h, bytes, sizeof h);
    return h.kind != static_cast<uint16_t>(wire::RecordKind::call) || (h.call < wanted.size() && wanted[h.call]);
}

class Round {
public:
    explicit Round(const ingest::Ingest::Handler& handler)
        : ingest_(registry_.map(), ingest::TscClock::calibrate(), handler) {}

    void open(const RecordingEntry& e) {
        const uint32_t slot = e.slot == 0 ? 0 : ++last_slot_ % wire::kMaxRings;
        test::TestRing ring = registry_.make_ring(slot, e.pid, e.granules);
        registry_.get().slots[slot].ring_id = e.ring_id;
        ring.ring.control->head = registry_.get().slots[slot].tail = e.position;
        (void)ingest_.add_ring(slot, ring.fd.get());
        rings_[e.ring_id] = {std::move(ring), slot};
    }
    void end(const RecordingEntry& e) {
        const auto it = rings_.find(e.ring_id);
        if (it == rings_.end()) return;
        registry_.get().slots[it->second.slot].state = static_cast<uint32_t>(wire::SlotState::orphaned);
        turns();
        rings_.erase(it);
    }
    void write(const RecordingEntry& e, const char* bytes) {
        if (const auto it = rings_.find(e.ring_id); it != rings_.end()) write_at(it->second.ring, e, bytes);
        if (++written_ % kTurn == 0) turns();
    }
    double finish() {
        turns();
        const double begin = cpu_seconds();
        ingest_.release_held();
        return seconds_ + cpu_seconds() - begin;
    }

private:
    void turns() {
        const double begin = cpu_seconds();
        const uint64_t now = ingest::monotonic_ns();
        while (ingest_.turn(now) != 0) {}
        ingest_.commit(now);
        seconds_ += cpu_seconds() - begin;
    }

    struct Known {
        test::TestRing ring;
        uint32_t slot = 0;
    };
    test::TestRegistry registry_;
    ingest::Ingest ingest_;
    std::unordered_map<uint32_t, Known> rings_;
    uint32_t last_slot_ = 0;
    size_t written_ = 0;
    double seconds_ = 0;
};

}  // namespace

double cpu_seconds() {
    timespec t{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

Result<Replayer> Replayer::read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream content;
    if (!in.is_open() || !(content << in.rdbuf())) return Error{"cannot read the recording " + path};
    Replayer r;
    r.bytes_ = content.str();
    for (size_t at = 0; at < r.bytes_.size();) {
        Item item{};
        if (r.bytes_.size() - at < sizeof item.entry) return Error{"the recording " + path + " ends in the middle of an entry"};
        std::memcpy(&item.entry, r.bytes_.data() + at, sizeof item.entry);
        item.at = at += sizeof item.entry;
        const bool fits = item.entry.size <= r.bytes_.size() - at && item.entry.size <= wire::kMaxRecord;
        const bool whole = item.entry.kind != RecordingEntry::record || item.entry.size >= wire::kHeaderSize;
        if (!fits || !whole) return Error{"the recording " + path + " is damaged; record it anew"};
        at += item.entry.size;
        r.items_.push_back(item);
    }
    return r;
}

double Replayer::run(const ingest::CallSet& wanted, const ingest::Ingest::Handler& handler) const {
    Round round(handler);
    for (const Item& i : items_) {
        const char* bytes = bytes_.data() + i.at;
        switch (i.entry.kind) {
            case RecordingEntry::ring: round.open(i.entry); break;
            case RecordingEntry::end: round.end(i.entry); break;
            case RecordingEntry::record:
                if (is_wanted(bytes, wanted)) round.write(i.entry, bytes);
                break;
        }
    }
    return round.finish();
}

}  // namespace undercoat::bench
