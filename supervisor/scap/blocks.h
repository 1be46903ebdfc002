// The blocks of a capture: pcap-ng framing with sysdig's and Falco's own block types.
//
// A block is u32 type, u32 length of all of it, the body, the length once more. Must stay true: a block is handed out whole or not
// at all; a length that cannot be is an error that names its place, for nothing after it can be found.
#pragma once

#include "base/result.h"
#include "supervisor/scap/input.h"

#include <optional>
#include <vector>

namespace undercoat::scap {

enum class BlockType : uint32_t {
    section = 0x0a0d0d0a,
    machine = 0x201,
    processes_v1 = 0x202, fds = 0x203, event = 0x204, interfaces = 0x205, users = 0x206, processes_v2 = 0x207,
    event_flags = 0x208, processes_v3 = 0x209, processes_v4 = 0x210, processes_v5 = 0x211, processes_v6 = 0x212,
    processes_v7 = 0x213, processes_v8 = 0x214, processes_v9 = 0x215, event_v2 = 0x216, event_flags_v2 = 0x217,
    fds_v2 = 0x218, interfaces_v2 = 0x219, users_v2 = 0x220, event_v2_large = 0x221, event_flags_v2_large = 0x222,
};

struct Block {
    BlockType type{};
    uint64_t offset = 0;  // of its type, in the decompressed bytes
    Bytes body{};         // valid until the next block is read
};

class BlockReader {
public:
    // The longest block. Lists of processes and descriptors of big machines have some megabytes.
    static constexpr uint32_t kLongest = 64 << 20;

    explicit BlockReader(std::unique_ptr<Input> input) : input_(std::move(input)) {}
    // The next block; nullopt at the end. The error says what is wrong and at which offset; it is the last word.
    Result<std::optional<Block>> next();
    uint64_t offset() const { return offset_; }

private:
    Error bad(uint64_t at, const std::string& what);
    size_t fill(size_t n);

    std::unique_ptr<Input> input_;
    std::vector<uint8_t> buffer_;
    uint64_t offset_ = 0;
    bool ended_ = false;
};

// Checks the section header: the magic number and the version. Error: a sentence without the place.
Status check_section(Bytes body);

}  // namespace undercoat::scap
