// What a socket of a held process is: asked of the kernel on a duplicate that lives for a moment.
#pragma once

#include <vector>

#include "supervisor/instrument/infer.h"
#include "wire/local/record.h"

namespace undercoat::instrument {

// True for calls whose first argument is to be a socket, by the table's argument kinds, and for a dup of one onto a standard
// stream.
bool about_socket(const HeldCall& c);
// Fills `facts` and puts Tag::socket for argument 0; for a connect of an unbound inet socket also Tag::local, the address
// that routing gives in the caller's network name space (its port is 0: the kernel picks it later). Without the right to
// duplicate, or to enter that name space: nothing.
void look_at_socket(const HeldCall& c, const Captured& found, wire::PayloadWriter& out, SocketFacts& facts);
// After a call that made a connection, began to, or listens: puts Tag::local, and of an accepted one Tag::peer, into the payload of its record.
// Both ends of what is no inet socket, or no longer to be had: nothing.
void look_at_ends(const wire::RecordHeader& h, int64_t result, std::vector<uint8_t>& payload);

}  // namespace undercoat::instrument
