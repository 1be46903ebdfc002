// What lies in the stream: a batch as agents send it, and beside it an identity where its alerts have no numbers.
//
// Must stay true: what comes out is what went in, but for a batch that is too large, which becomes several; foreign bytes are refused.
#pragma once

#include "collector/store/store.h"
#include "wire/remote/codec.h"

namespace undercoat::collector {

struct QueuedMessage {
    std::string frame, identity;
};

// Messages of at most `most` bytes. Error: an alert is larger than that, or from_message() would refuse one of them.
Result<std::vector<QueuedMessage>> to_messages(remote::Codec& codec, const Incoming& incoming, size_t most);
Result<Incoming> from_message(remote::Codec& codec, std::string_view frame, std::string_view identity);
// Which part an agent belongs to; the same in every collector.
int part_of(std::string_view agent, int parts);

}  // namespace undercoat::collector
