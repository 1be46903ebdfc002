// The table of held calls.
#include "supervisor/ingest/hold.h"

#include <algorithm>

namespace undercoat::ingest {
namespace {

constexpr uint64_t kMs = 1000000;
constexpr size_t kRememberedLetGo = 4096;

uint64_t key_of(uint16_t call, uint32_t seq) { return uint64_t{call} << 32 | seq; }

}  // namespace

uint64_t HoldQueue::patience(uint16_t call) {
    using wire::Call;
    if (call == event::type_of(Call::accept) || call == event::type_of(Call::accept4)) return 0;
    if (call == event::type_of(Call::connect)) return 5000 * kMs;
    return 200 * kMs;
}

void HoldQueue::hold(Held h) {
    const int64_t tid = h.tid;
    held_.insert_or_assign(tid, Entry{next_++, std::move(h)});
}

Held HoldQueue::remove(std::unordered_map<int64_t, Entry>::iterator it, bool with_result) {
    Held h = std::move(it->second.held);
    held_.erase(it);
    if (!with_result) {
        let_go_.emplace_back(h.pid, key_of(h.call, h.seq));
        if (let_go_.size() > kRememberedLetGo) let_go_.pop_front();
    }
    return h;
}

std::optional<Held> HoldQueue::take(int64_t pid, int64_t tid, uint16_t call, uint32_t seq) {
    auto it = held_.find(tid);
    const auto fits = [&](const Held& h) { return h.pid == pid && h.call == call && h.seq == seq; };
    // The shim may not know its thread's number, or know it in another pid name space.
    if (it == held_.end() || !fits(it->second.held))
        it = std::find_if(held_.begin(), held_.end(), [&](const auto& e) { return fits(e.second.held); });
    if (it == held_.end()) return std::nullopt;
    return remove(it, true);
}

std::optional<Held> HoldQueue::take_thread(int64_t pid, int64_t tid) {
    const auto it = held_.find(tid);
    if (it == held_.end() || it->second.held.pid != pid) return std::nullopt;
    return remove(it, false);
}

std::vector<Held> HoldQueue::take_if(const std::function<bool(const Held&)>& f) {
    std::vector<std::pair<uint64_t, int64_t>> found;
    for (const auto& [tid, e] : held_)
        if (f(e.held)) found.emplace_back(e.order, tid);
    std::sort(found.begin(), found.end());
    std::vector<Held> out;
    for (const auto& [order, tid] : found) out.push_back(remove(held_.find(tid), false));
    return out;
}

std::vector<Held> HoldQueue::take_process(int64_t pid) {
    if (held_.empty()) return {};
    return take_if([&](const Held& h) { return h.pid == pid; });
}

std::vector<Held> HoldQueue::take_due(uint64_t now) {
    if (held_.empty()) return {};
    return take_if([&](const Held& h) { return h.deadline != 0 && h.deadline <= now; });
}

std::vector<Held> HoldQueue::take_all() {
    return take_if([](const Held&) { return true; });
}

std::optional<Held> HoldQueue::take_oldest_pinning() {
    auto oldest = held_.end();
    for (auto it = held_.begin(); it != held_.end(); ++it)
        if (it->second.held.pins && (oldest == held_.end() || it->second.order < oldest->second.order)) oldest = it;
    if (oldest == held_.end()) return std::nullopt;
    return remove(oldest, false);
}

bool HoldQueue::was_let_go(int64_t pid, uint16_t call, uint32_t seq) {
    const auto it = std::find(let_go_.begin(), let_go_.end(), std::pair{pid, key_of(call, seq)});
    if (it == let_go_.end()) return false;
    let_go_.erase(it);
    return true;
}

uint64_t HoldQueue::pinned(uint32_t ring, uint64_t otherwise) const {
    uint64_t lowest = otherwise;
    for (const auto& [tid, e] : held_)
        if (e.held.pins && e.held.source.id.ring == ring) lowest = std::min(lowest, e.held.begin);
    return lowest;
}

}  // namespace undercoat::ingest
