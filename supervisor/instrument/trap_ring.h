// Writes records into the trap ring.
//
// Must stay true: emit() never blocks for ever: when the ring is full it holds the caller for a moment while the supervisor
// lives, then drops the record and counts it; the record is visible before the held call goes on.
#pragma once

#include "wire/local/registry.h"

namespace undercoat::instrument {

class TrapRing {
public:
    TrapRing(wire::Ring ring, wire::Registry& registry) : ring_(ring), registry_(registry) {}
    // `payload`: TLVs made by a PayloadWriter. False: dropped (and counted).
    // `told_at`: gets 1 + the record's position before the record is valid; may be null.
    bool emit(const wire::RecordHeader& header, const uint8_t* payload, size_t n, uint64_t* told_at = nullptr);
    // Whether the record that emit() of a process now dead made room for has become valid.
    bool told(uint64_t told_at) const;
    const wire::RingControl& control() const { return *ring_.control; }
    bool wanted(uint16_t call) const { return wire::bit(ring_.control->wanted, call); }
    bool stack_wanted(uint16_t call) const { return wire::bit(ring_.control->want_stack, call); }
    bool result_wanted(uint16_t call) const { return wire::bit(ring_.control->want_result, call); }

private:
    wire::Ring ring_;
    wire::Registry& registry_;
};

// Wakes the supervisor if it sleeps on this ring: after a record, or a message that it is to find. Any thread.
void wake_reader(const wire::Ring& ring);

// Nanoseconds of CLOCK_REALTIME, and of CLOCK_MONOTONIC.
uint64_t now_ns();
uint64_t monotonic_ns();

}  // namespace undercoat::instrument
