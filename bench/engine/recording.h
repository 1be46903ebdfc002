// A recording of ring records, as tests/tools/dump_supervisor writes it and engine_bench reads it.
//
// A file of entries one after the other, in the order in which the records were read; a record's bytes (header and payload,
// without the stamp's meaning) follow its entry. Must stay true: a record keeps its position, since other records name it.
#pragma once

#include <cstdint>

namespace undercoat::bench {

struct RecordingEntry {
    enum Kind : uint32_t { ring = 1, record = 2, end = 3 };
    Kind kind;
    uint32_t ring_id;   // 0 is the trap ring's, as instrument numbers it
    uint32_t slot;      // 0: the trap ring
    uint32_t pid;       // ring: its owner
    uint32_t granules;  // ring: its size; record: how many it takes
    uint32_t size;      // record: bytes that follow
    uint64_t position;  // record: where it stands in its ring
};

}  // namespace undercoat::bench
