// Puts a recording of ring records into rings again and lets Ingest read them, as the supervisor does.
//
// Must stay true: what the clock counts is the reader's work alone, from the ring to the end of the handler; a call that
// nobody wants is left out, as the shim would not write it. Nothing here remembers verdicts (pipeline/repeats.h does), so
// every record is decoded and handled.
#pragma once

#include "base/result.h"
#include "bench/engine/recording.h"
#include "supervisor/ingest/ingest.h"

#include <functional>
#include <string>
#include <vector>

namespace undercoat::bench {

// What this thread has computed until now.
double cpu_seconds();

class Replayer {
public:
    // The error says what is wrong with the file.
    static Result<Replayer> read(const std::string& path);

    // Handles every record once, from new rings. Returns the CPU seconds of it.
    double run(const ingest::CallSet& wanted, const ingest::Ingest::Handler& handler) const;

private:
    struct Item {
        RecordingEntry entry;
        size_t at;  // of the record's bytes
    };
    std::string bytes_;
    std::vector<Item> items_;
};

}  // namespace undercoat::bench
