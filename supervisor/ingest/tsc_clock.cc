// Calibration of the time stamp counter against CLOCK_REALTIME.
#include "supervisor/ingest/tsc_clock.h"

#include <ctime>
#include <x86intrin.h>

namespace undercoat::ingest {
namespace {

uint64_t clock_ns(clockid_t id) {
    timespec t;
    clock_gettime(id, &t);
    return static_cast<uint64_t>(t.tv_sec) * 1000000000 + static_cast<uint64_t>(t.tv_nsec);
}

}  // namespace

uint64_t read_tsc() { return __rdtsc(); }
uint64_t realtime_ns() { return clock_ns(CLOCK_REALTIME); }
uint64_t monotonic_ns() { return clock_ns(CLOCK_MONOTONIC); }

// The best of a few tries: the one during which the least time passed between the two readings.
TscClock::Sample TscClock::sample() {
    Sample best;
    uint64_t best_width = UINT64_MAX;
    for (int i = 0; i < 5; ++i) {
        const uint64_t before = read_tsc();
        const uint64_t ns = realtime_ns();
        const uint64_t after = read_tsc();
        if (after - before < best_width) best_width = after - before, best = {before + (after - before) / 2, ns};
    }
    return best;
}

TscClock TscClock::calibrate() {
    const Sample first = sample();
    timespec t{0, 5000000};
    nanosleep(&t, nullptr);
    return {first, sample()};
}

void TscClock::set(Sample first, Sample second) {
    first_ = first;
    base_ = second;
    const double ticks = static_cast<double>(static_cast<int64_t>(second.tsc - first.tsc));
    const double ns = static_cast<double>(static_cast<int64_t>(second.ns - first.ns));
    if (ticks > 0 && ns > 0) ns_per_tick_ = ns / ticks;
}

void TscClock::update(Sample now) {
    const double predicted = static_cast<double>(static_cast<int64_t>(now.tsc - base_.tsc)) * ns_per_tick_;
    const double passed = static_cast<double>(static_cast<int64_t>(now.ns - base_.ns));
    // A step of the wall clock must not bend the rate: start the long baseline anew.
    if (predicted - passed > 1e6 || passed - predicted > 1e6) {
        first_ = base_ = now;
        return;
    }
    if (first_.tsc == base_.tsc && first_.ns == base_.ns) {
        base_ = now;
        return;
    }
    set(first_, now);
}

uint64_t TscClock::to_realtime(uint64_t tsc) const {
    const double delta = static_cast<double>(static_cast<int64_t>(tsc - base_.tsc)) * ns_per_tick_;
    if (delta > kWindow || delta < -kWindow) return base_.ns;
    return base_.ns + static_cast<uint64_t>(static_cast<int64_t>(delta));
}

}  // namespace undercoat::ingest
