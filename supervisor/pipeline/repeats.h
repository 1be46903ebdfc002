// Remembers records of the shim that came to nothing, so that the same call again need not be decoded and matched again.
//
// A program that opens the same file in a loop says the same thing each time but for the time. Must stay true: a record is
// a repeat only if every byte of it but stamp and time is the same, its ring belongs to the same process, and nothing that
// a rule could look at has changed since (the epoch: the pipeline raises it at whatever changes state beyond an opened
// descriptor, at each reload, and every second); a verdict that depended on the time is not remembered. The memory is
// bounded; a collision of hashes only forgets. One thread.
#pragma once

#include "supervisor/state/fd.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace undercoat::pipeline {

class Repeats {
public:
    static constexpr size_t kSlots = 4096;
    static constexpr size_t kMaxRecord = 512;

    struct Opened {  // what the call put into its process' descriptor table
        int64_t number;
        state::FdInfo info;
    };
    struct Known {
        std::optional<Opened> opened;
    };

    // The record's entry if it is a repeat, else null; then remember() of the same record may follow. `record`: a whole
    // record as wire/local/record.h has it.
    const Known* find(int64_t owner, const uint8_t* record, size_t size, uint64_t epoch);
    // The record that find() was last asked about came to nothing. A no-op if it was too long.
    void remember(std::optional<Opened> opened, uint64_t epoch);
    // find()'s record is not the one that comes next.
    void forget_candidate() { key_.clear(); }

private:
    struct Slot {
        uint64_t epoch = 0;  // 0: never used
        std::string key;
        Known known;
    };
    std::vector<Slot> slots_{kSlots};
    std::string key_;  // of the candidate; empty: none
    size_t index_ = 0;
};

}  // namespace undercoat::pipeline
