// See alert_journal.h.
#include "supervisor/outputs/alert_journal.h"

namespace undercoat::outputs {
namespace {

// FNV-1a: the same in each build of one bundle.
uint32_t hash_of(std::string_view text) {
    uint32_t h = 2166136261u;
    for (const char c : text) h = (h ^ static_cast<uint8_t>(c)) * 16777619u;
    return h;
}

}  // namespace

AlertJournal::AlertJournal(wire::AlertJournal* shared) : shared_(shared) {
    if (!shared_) return;
    handed_ = __atomic_load_n(&shared_->written, __ATOMIC_ACQUIRE);
    torn_ = __atomic_load_n(&shared_->torn, __ATOMIC_ACQUIRE) != 0;
    for (wire::JournalEntry& e : shared_->entries) {
        if (e.end == 0) continue;
        if (e.end <= handed_) before_.insert({e.position, e.ring, e.rule});
        else e.end = 0;  // died with its writer: later lines must not make it look written
    }
}

AlertJournal::Key AlertJournal::key_of(const event::EventId& id, std::string_view rule) {
    return {id.position, id.ring, hash_of(rule)};
}

// Ring 0 is no ring: its positions mean nothing beyond this process.
bool AlertJournal::written_before(const event::EventId& id, std::string_view rule) const {
    return id.ring != 0 && !before_.empty() && before_.contains(key_of(id, rule));
}

void AlertJournal::note(const event::EventId& id, std::string_view rule, size_t size) {
    if (!shared_) return;
    handed_ += size;
    if (id.ring == 0) return;
    const Key key = key_of(id, rule);
    wire::JournalEntry& e = shared_->entries[shared_->next % wire::kJournalEntries];
    __atomic_store_n(&e.end, 0, __ATOMIC_RELEASE);  // whoever dies in between leaves no half of two entries
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    e.position = key.position, e.ring = key.ring, e.rule = key.rule;
    __atomic_store_n(&e.end, handed_, __ATOMIC_RELEASE);
    __atomic_store_n(&shared_->next, shared_->next + 1, __ATOMIC_RELEASE);
}

// The entry first: its end must never be within what other lines make of the count.
void AlertJournal::withdraw(size_t size) {
    if (!shared_) return;
    wire::JournalEntry& e = shared_->entries[(shared_->next - 1) % wire::kJournalEntries];
    if (e.end == handed_) __atomic_store_n(&e.end, 0, __ATOMIC_RELEASE);
    handed_ -= size;
}

LineSink::Progress AlertJournal::progress() const {
    return shared_ ? LineSink::Progress{&shared_->written, &shared_->torn} : LineSink::Progress{};
}

}  // namespace undercoat::outputs
