// Frames from either side. The first byte chooses the side and whether the rest is a frame or what is inside one, so
// that the fuzzer gets past the compression.
#include "wire/remote/codec.h"

#include <zstd.h>
#include <cstdlib>

using namespace undercoat::remote;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    static Codec codec;
    std::string frame(reinterpret_cast<const char*>(data + 1), size - 1);
    if (data[0] & 1) {
        std::string packed(ZSTD_compressBound(frame.size()), '\0');
        packed.resize(ZSTD_compress(packed.data(), packed.size(), frame.data(), frame.size(), 1));
        frame = packed;
    }
    if (data[0] & 2) {
        (void)codec.decode_down(frame);
        return 0;
    }
    const auto up = codec.decode_up(frame);
    if (!up) return 0;
    // What was accepted can be passed on and means the same.
    const auto again = codec.encode(*up);
    if (!again) return 0;  // close to the limits it may not fit any more
    const auto back = codec.decode_up(*again);
    if (back && !(*back == *up)) {
        // Control characters are made harmless only where a text is no UTF-8, so an accepted one must come back
        // unchanged.
        std::abort();
    }
    return 0;
}
