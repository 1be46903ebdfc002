// See trap_ring.h.
#include "supervisor/instrument/trap_ring.h"

#include <climits>
#include <cstring>
#include <ctime>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace undercoat::instrument {
namespace {

constexpr uint64_t kHoldNs = 20'000'000;

uint64_t clock_ns(clockid_t id) {
    timespec t;
    clock_gettime(id, &t);
    return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
}

}  // namespace

uint64_t now_ns() { return clock_ns(CLOCK_REALTIME); }
uint64_t monotonic_ns() { return clock_ns(CLOCK_MONOTONIC); }

void wake_reader(const wire::Ring& ring) {
    if (wire::reader_waits(ring) && wire::takes_wake_up(ring))
        syscall(SYS_futex, &ring.control->reader_waits, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

bool TrapRing::emit(const wire::RecordHeader& header, const uint8_t* payload, size_t n, uint64_t* told_at) {
    if (wire::kHeaderSize + n > wire::kMaxRecord) {
        wire::count_drop(ring_, wire::Drop::too_big);
        return false;
    }
    wire::Reservation at = wire::reserve(ring_, n);
    if (at.n == 0) {
        const uint64_t until = monotonic_ns() + kHoldNs;
        const bool alive = __atomic_load_n(&registry_.supervisor_pid, __ATOMIC_RELAXED) != 0;
        while (alive && at.n == 0 && monotonic_ns() < until) {
            timespec pause{0, 200'000};
            nanosleep(&pause, nullptr);
            at = wire::reserve(ring_, n);
        }
    }
    if (at.n == 0) {
        wire::count_drop(ring_, wire::Drop::ring_full);
        wire::count(registry_, wire::Counter::records_dropped_full);
        return false;
    }
    if (told_at) __atomic_store_n(told_at, at.pos + 1, __ATOMIC_RELEASE);
    if (n != 0) memcpy(at.memory + wire::kHeaderSize, payload, n);
    wire::commit(ring_, at, header);
    wire::count(registry_, wire::Counter::records);
    wake_reader(ring_);
    return true;
}

// The reader may have passed over it as a hole: only its own stamp tells, or that of a later lap; or that its memory has been given back,
// long after it was read.
bool TrapRing::told(uint64_t told_at) const {
    if (told_at == 0) return false;
    const uint64_t at = told_at - 1;
    const uint64_t stamp = __atomic_load_n(ring_.stamp(at), __ATOMIC_ACQUIRE);
    if (stamp == 0) return at < __atomic_load_n(&ring_.control->tail, __ATOMIC_ACQUIRE);
    const uint64_t wanted = wire::make_stamp(at, ring_.granules, 0, wire::kStateCommitted);
    if (stamp >> 32 != wanted >> 32) return static_cast<int32_t>((stamp >> 32) - (wanted >> 32)) > 0;
    return (stamp & ~0xffff0000ULL) == wanted;
}

}  // namespace undercoat::instrument
