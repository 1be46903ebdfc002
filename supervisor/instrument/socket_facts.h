// What a socket of a held process is: asked of the kernel on a duplicate that lives for a moment.
#pragma once

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

}  // namespace undercoat::instrument
