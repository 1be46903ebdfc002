// See registrar.h.
#include "supervisor/instrument/registrar.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/audit.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/descriptor_message.h"
#include "supervisor/instrument/log.h"
#include "supervisor/instrument/trap_ring.h"
#include "wire/local/calls.h"

namespace undercoat::instrument {
namespace {

uint32_t load(const uint32_t& v) { return __atomic_load_n(&v, __ATOMIC_ACQUIRE); }
void store(uint32_t& v, wire::SlotState s) { __atomic_store_n(&v, static_cast<uint32_t>(s), __ATOMIC_RELEASE); }
bool is(const wire::RingSlot& s, wire::SlotState state) { return load(s.state) == static_cast<uint32_t>(state); }

}  // namespace

bool send_message(int socket, const wire::AgentMessage& message, const int* fds, size_t n) {
    return send_with_descriptors(socket, &message, sizeof message, fds, n, MSG_DONTWAIT);
}

Registrar::Registrar(Shared& shared, wire::CaptureMode mode, Vault* vault)
    : shared_(shared), vault_(vault), mode_(mode), rings_(wire::kMaxRings), handed_(wire::kMaxRings) {}

bool Registrar::is_request(const Trap& t) {
    return t.arch == AUDIT_ARCH_X86_64 && t.nr == static_cast<uint64_t>(wire::info(wire::Call::openat).x86_64) &&
           static_cast<int32_t>(t.args[0]) == wire::kMagicDirfd && t.args[1] == wire::kMagicPath &&
           static_cast<uint32_t>(t.args[2]) == wire::kMagicFlags;
}

int Registrar::make(pid_t pid, uint64_t start_time, int* fd, UniqueFd file) {
    std::lock_guard guard(mutex_);
    uint32_t slot = 1;
    while (slot < top_ && !is(shared_.registry->slots[slot], wire::SlotState::free)) ++slot;
    if (slot >= wire::kMaxRings) {
        wire::count(*shared_.registry, wire::Counter::rings_refused);
        return -1;
    }
    auto made = make_ring(next_id_, wire::kShimRingGranules, mode_, std::move(file));
    if (!made) {
        wire::count(*shared_.registry, wire::Counter::rings_refused);
        return -1;
    }
    const wire::RingControl& now = *shared_.trap.ring.control;
    wire::RingControl& control = *made->ring.control;
    memcpy(control.wanted, now.wanted, sizeof control.wanted);
    memcpy(control.want_result, now.want_result, sizeof control.want_result);
    control.names_wanted = now.names_wanted;
    memcpy(control.want_stack, now.want_stack, sizeof control.want_stack);
    control.stacks_wanted = now.stacks_wanted;
    memcpy(control.agent_pids, now.agent_pids, sizeof control.agent_pids);
    wire::RingSlot& s = shared_.registry->slots[slot];
    s.ring_id = next_id_++;
    s.pid = static_cast<uint32_t>(pid);
    s.granules = wire::kShimRingGranules;
    s.start_time = start_time;
    s.tail = 0;
    s.reading = s.crashes = 0;
    rings_[slot] = std::move(*made);
    handed_[slot] = false;
    if (slot >= top_) top_ = slot + 1;
    store(s.state, wire::SlotState::live);
    keep(slot);
    wire::count(*shared_.registry, wire::Counter::rings_registered);
    if (!hand_over(slot)) work_ = true;
    *fd = rings_[slot].fd.get();
    return static_cast<int>(slot);
}

// The next three with the lock held.
void Registrar::keep(uint32_t slot) {
    if (!vault_ || vault_->keep({slot, shared_.registry->slots[slot].ring_id, rings_[slot].fd.get()})) return;
    if (!keep_the_living()) log_line(LogLevel::warning, "a ring cannot be kept for another trap process: %s", strerror(errno));
}

bool Registrar::keep_the_living() {
    std::vector<VaultItem> items{{kRegistryItem, 0, shared_.registry_fd.get()}, {0, kTrapRingId, shared_.trap.fd.get()}};
    for (uint32_t i = 1; i < top_; ++i)
        if (rings_[i].ring.control) items.push_back({i, shared_.registry->slots[i].ring_id, rings_[i].fd.get()});
    kept_dead_ = 0;
    return vault_->replace(items);
}

// Its memory goes at once, though the vault may hold it for a while yet.
void Registrar::let_go(uint32_t slot) {
    MappedRing& r = rings_[slot];
    if (!r.ring.control) return;
    if (vault_) fallocate(r.fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(r.size()));
    unmap_ring(r);
    constexpr size_t kMostDead = 64;
    if (vault_ && ++kept_dead_ >= kMostDead) keep_the_living();
}

void Registrar::restore(std::vector<Kept> kept) {
    std::lock_guard guard(mutex_);
    wire::Registry& registry = *shared_.registry;
    for (Kept& k : kept) {
        if (!k.fd || k.slot == 0 || k.slot >= wire::kMaxRings) continue;
        wire::RingSlot& s = registry.slots[k.slot];
        const bool needed = is(s, wire::SlotState::live) || is(s, wire::SlotState::orphaned) || is(s, wire::SlotState::quarantined);
        if (!needed || s.ring_id != k.ring_id || rings_[k.slot].ring.control) continue;
        auto ring = restore_ring(std::move(k.fd), s.granules, s.ring_id);
        if (!ring) continue;
        rings_[k.slot] = std::move(*ring);
        rings_[k.slot].ring.control->agent_pids[0] = getpid();
        if (is(s, wire::SlotState::live)) left_[static_cast<pid_t>(s.pid)] = k.slot;
    }
    for (uint32_t i = 1; i < wire::kMaxRings; ++i) {
        wire::RingSlot& s = registry.slots[i];
        next_id_ = std::max(next_id_, s.ring_id + 1);
        if (is(s, wire::SlotState::free)) continue;
        top_ = i + 1;
        // Nobody was given a ring that was not kept first.
        if (!rings_[i].ring.control) store(s.state, wire::SlotState::free);
    }
    work_ = true;
    if (vault_) keep_the_living();
}

std::vector<Registrar::Owner> Registrar::owners_left() {
    std::lock_guard guard(mutex_);
    std::vector<Owner> owners;
    for (const auto& [pid, slot] : left_) owners.push_back({pid, shared_.registry->slots[slot].start_time});
    return owners;
}

uint32_t Registrar::ring_left(pid_t pid, uint64_t start_time) {
    std::lock_guard guard(mutex_);
    const auto at = left_.find(pid);
    if (at == left_.end() || shared_.registry->slots[at->second].start_time != start_time) return 0;
    const uint32_t slot = at->second;
    left_.erase(at);
    return slot;
}

// With the lock held.
bool Registrar::hand_over(uint32_t slot) {
    const int socket = supervisor_;
    if (socket < 0) return false;
    wire::AgentMessage m{static_cast<uint32_t>(wire::AgentMessageKind::ring), slot,
                         shared_.registry->slots[slot].ring_id, 0};
    const int fd = rings_[slot].fd.get();
    handed_[slot] = send_message(socket, m, &fd, 1);
    wake_reader(shared_.trap.ring);
    return handed_[slot];
}

void Registrar::orphan(uint32_t slot) {
    if (slot == 0 || slot >= wire::kMaxRings) return;
    wire::RingSlot& s = shared_.registry->slots[slot];
    if (is(s, wire::SlotState::live)) store(s.state, wire::SlotState::orphaned);
    work_ = true;
}

void Registrar::forbid_clock(uint32_t slot) {
    if (slot == 0 || slot >= wire::kMaxRings) return;
    std::lock_guard guard(mutex_);
    if (wire::RingControl* c = rings_[slot].ring.control) __atomic_store_n(&c->no_clock, 1, __ATOMIC_RELEASE);
}

void Registrar::seal(uint32_t slot) {
    if (slot == 0 || slot >= wire::kMaxRings) return;
    std::lock_guard guard(mutex_);
    if (wire::RingControl* c = rings_[slot].ring.control) __atomic_store_n(&c->sealed, 1, __ATOMIC_RELEASE);
}

bool Registrar::head_of(uint32_t slot, wire::Order& out) {
    if (slot == 0) return false;
    std::lock_guard guard(mutex_);
    const MappedRing& r = rings_[slot];
    if (!r.ring.control) return false;
    out = {shared_.registry->slots[slot].ring_id, 0, __atomic_load_n(&r.ring.control->head, __ATOMIC_ACQUIRE)};
    return true;
}

void Registrar::set_supervisor(int socket) {
    std::lock_guard guard(mutex_);
    supervisor_ = socket;
    handed_.assign(handed_.size(), false);
    work_ = true;
}

void Registrar::sweep() {
    if (!work_.exchange(false)) return;
    std::lock_guard guard(mutex_);
    bool more = false;
    for (uint32_t i = 1; i < top_; ++i) {
        wire::RingSlot& s = shared_.registry->slots[i];
        if (is(s, wire::SlotState::free)) continue;
        if (is(s, wire::SlotState::drained)) {
            let_go(i);
            store(s.state, wire::SlotState::free);
            continue;
        }
        if (!handed_[i] && !is(s, wire::SlotState::quarantined)) more |= !hand_over(i);
        more |= is(s, wire::SlotState::orphaned);
    }
    if (more) work_ = true;
}

}  // namespace undercoat::instrument
