// The bytes of a capture, plain or compressed with gzip, from a file or from memory.
//
// Must stay true: memory use does not depend on what the bytes say; a compressed stream that ends early gives what came before
// its end.
#pragma once

#include "base/result.h"
#include "supervisor/scap/cursor.h"

#include <memory>
#include <string>

namespace undercoat::scap {

class Input {
public:
    // The error names the file. "-" is standard input.
    static Result<std::unique_ptr<Input>> open(const std::string& file);
    // The bytes must stay where they are as long as the Input lives.
    static std::unique_ptr<Input> of(Bytes bytes);
    virtual ~Input() = default;

    // Up to n bytes, decompressed; fewer only at the end.
    virtual size_t read(uint8_t* to, size_t n) = 0;
    // What went wrong with reading or decompression, or "".
    virtual std::string problem() const = 0;
};

// Whether a file begins as captures do: a section header, or gzip.
bool looks_like_capture(Bytes beginning);

}  // namespace undercoat::scap
