// Sleeping while no ring has a record, see ingest.h. Looking every few milliseconds costs two hundredths of a processor; a wake-up
// costs the writer one system call, once in a while.
//
// Must stay true: the words are set before the heads are looked at for the last time; a ring that we do not trust cannot keep us awake
// or asleep: its owner delays what it says itself until `until`, no more.
#include "supervisor/ingest/ingest.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <sys/syscall.h>
#include <unistd.h>

namespace undercoat::ingest {
namespace {

// futex_waitv(2), Linux 5.16; the headers of GCC 12's systems do not all have it.
constexpr long kFutexWaitv = 449;
constexpr size_t kMostWords = 128;
constexpr uint32_t kFutex32 = 2;
struct FutexWord {
    uint64_t value, address;
    uint32_t flags, reserved;
};
constexpr uint32_t kSleeping = 1;

}  // namespace

bool Ingest::all_can_wake_us() const {
    if (trap_ == nullptr || trap_->bad || rings_.size() > kMostWords) return false;
    if (registry_->mode == static_cast<uint32_t>(wire::CaptureMode::preload)) return false;
    return std::all_of(rings_.begin(), rings_.end(), [](const auto& r) {
        return r->bad || __atomic_load_n(&r->reader.ring().control->sealed, __ATOMIC_RELAXED) == 0;
    });
}

bool Ingest::sleep(uint64_t until) {
    if (no_waitv_ || !drained() || !all_can_wake_us()) return false;
    std::array<FutexWord, kMostWords> words;
    uint32_t n = 0;
    for (const auto& r : rings_) {
        if (r->bad) continue;
        uint32_t* const word = &r->reader.ring().control->reader_waits;
        __atomic_store_n(word, kSleeping, __ATOMIC_SEQ_CST);
        words[n++] = {kSleeping, reinterpret_cast<uint64_t>(word), kFutex32, 0};
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    bool slept = drained();
    if (slept) {
        timespec end{static_cast<time_t>(until / 1'000'000'000), static_cast<long>(until % 1'000'000'000)};
        const long r = syscall(kFutexWaitv, words.data(), n, 0, &end, CLOCK_MONOTONIC);
        slept = r >= 0 || errno == ETIMEDOUT || errno == EINTR;
        no_waitv_ = !slept && errno != EAGAIN;
    }
    for (const auto& r : rings_)
        if (!r->bad) __atomic_store_n(&r->reader.ring().control->reader_waits, 0, __ATOMIC_RELAXED);
    return slept;
}

}  // namespace undercoat::ingest
