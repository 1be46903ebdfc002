// Messages to frames and back. A frame is one zstd-compressed protobuf message: the body of one binary WebSocket message.
//
// Must stay true: decoding is safe with any bytes: what it allocates is bounded by kMaxPlain and a small factor, whatever
// the frame says of itself, and a message beyond a limit of messages.h is refused as a whole.
#pragma once

#include "base/result.h"
#include "wire/remote/messages.h"

#include <memory>
#include <string>
#include <string_view>

namespace undercoat::remote {

// Keeps the compressor's memory between frames: about 0.5 MiB to encode, 0.2 MiB to decode. One thread.
class Codec {
public:
    Codec();
    ~Codec();

    // The frame. Error: the message is larger than the limits.
    Result<std::string> encode(const Up& message);
    Result<std::string> encode(const Down& message);
    Result<Up> decode_up(std::string_view frame);
    Result<Down> decode_down(std::string_view frame);

    // A batch of alerts that encode_alert() has made; `alerts` is the concatenation of its results.
    Result<std::string> encode_batch(std::string_view agent, uint64_t epoch, uint32_t stream, std::string_view alerts);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// One alert as a batch carries it, so that a spool keeps it ready for sending. Texts beyond the limits are cut; fields and
// context that are too long become {}.
std::string encode_alert(const Alert& alert);

}  // namespace undercoat::remote
