// From a record to an Event.
//
// Driven by the schema and the table's argument kinds: a parameter that has the name of a kernel argument is that argument,
// the first parameter is the result, and the few that are neither are listed in params.cc. Must stay true: any bytes that
// RecordView calls valid decode to an event or to an error, and never to a value outside what was captured.
#pragma once

#include "supervisor/event/event.h"
#include "wire/local/record.h"

namespace undercoat::event {

// What the reader of the ring knows and the record cannot be trusted with.
struct RecordSource {
    EventId id;
    int64_t owner = 0;  // shim rings: the pid that the ring belongs to; 0: the trap ring, whose records name the pid
    uint64_t ts = 0;    // ns since the epoch, converted and clamped
    bool history = false;
    bool masked = false;  // a result whose call the trap never saw
};

enum class DecodeStatus : uint8_t { ok, bad_kind, bad_call, bad_origin };

// Fills `e` anew. `result`: the result record of a call with kResultFollows, or null; its values go before those of the
// record. Both views are valid.
DecodeStatus decode(const wire::RecordView& record, const wire::RecordView* result, const RecordSource& source, Event& e);

// The first TLV of that tag, or size 0 and null data.
wire::Tlv find_tlv(const wire::RecordView& record, wire::Tag tag);

// Fills the parameters of a call from what e.captured and e.result hold. Also for events made of /proc or by tests.
void fill_params(Event& e);

}  // namespace undercoat::event
