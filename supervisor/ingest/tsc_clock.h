// From the time stamp counter to the wall clock.
//
// Must stay true: the conversion uses signed differences (counters of several processors may differ, so that a stamp can
// lie before the last sample), and a hostile stamp yields a time within bounds, never a far one.
#pragma once

#include <cstdint>

namespace undercoat::ingest {

uint64_t read_tsc();
uint64_t realtime_ns();
uint64_t monotonic_ns();

class TscClock {
public:
    struct Sample {
        uint64_t tsc = 0;
        uint64_t ns = 0;  // realtime
    };
    // Takes two samples a few milliseconds apart.
    static TscClock calibrate();
    TscClock(Sample first, Sample second) { set(first, second); }

    // Call about once a second: follows changes of the wall clock and refines the rate.
    void update(Sample now);
    // ns since the epoch. Stamps more than kWindow away from the newest sample are taken as that sample's time.
    uint64_t to_realtime(uint64_t tsc) const;
    static Sample sample();

private:
    static constexpr double kWindow = 60e9;
    void set(Sample first, Sample second);
    Sample first_, base_;
    double ns_per_tick_ = 1;
};

}  // namespace undercoat::ingest
