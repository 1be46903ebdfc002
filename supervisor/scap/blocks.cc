// Takes one block after another from the input.
#include "supervisor/scap/blocks.h"

namespace undercoat::scap {
namespace {

constexpr uint32_t kHeader = 8, kTrailer = 4;
constexpr size_t kStep = 1 << 20;

}  // namespace

Error BlockReader::bad(uint64_t at, const std::string& what) {
    ended_ = true;
    const std::string problem = input_->problem();
    return Error{std::to_string(at) + ": " + (problem.empty() ? what : problem) + "."};
}

// Reads on until buffer_ has n bytes; grows with what really comes, as a length may lie. Returns how many there are.
size_t BlockReader::fill(size_t n) {
    size_t have = buffer_.size();
    while (have < n) {
        const size_t step = std::min(n - have, kStep);
        buffer_.resize(have + step);
        const size_t got = input_->read(buffer_.data() + have, step);
        have += got;
        if (got == step) continue;
        buffer_.resize(have);
        break;
    }
    return have;
}

Result<std::optional<Block>> BlockReader::next() {
    if (ended_) return std::optional<Block>();
    Block block;
    block.offset = offset_;
    buffer_.clear();
    const size_t header = fill(kHeader);
    if (header == 0 && input_->problem().empty()) {
        ended_ = true;
        return std::optional<Block>();
    }
    if (header < kHeader) return bad(offset_, "the capture ends within a block's header");
    Cursor c(buffer_);
    block.type = static_cast<BlockType>(c.take<uint32_t>());
    const auto length = c.take<uint32_t>();
    if (length < kHeader + kTrailer || length > kLongest)
        return bad(offset_, "a block cannot have " + std::to_string(length) + " bytes");
    if (fill(length) < length) return bad(offset_, "the capture ends within a block of " + std::to_string(length) + " bytes");
    Cursor trailer(Bytes(buffer_).last(kTrailer));
    if (trailer.take<uint32_t>() != length) return bad(offset_, "a block's two lengths differ");
    block.body = Bytes(buffer_).subspan(kHeader, length - kHeader - kTrailer);
    offset_ += length;
    return std::optional<Block>(block);
}

Status check_section(Bytes body) {
    constexpr uint32_t kMagic = 0x1a2b3c4d, kSwapped = 0x4d3c2b1a;
    Cursor c(body);
    const auto magic = c.take<uint32_t>();
    const auto major = c.take<uint16_t>(), minor = c.take<uint16_t>();
    if (magic == kSwapped) return Error{"the capture was written on a machine of the other byte order"};
    if (!c.ok() || magic != kMagic) return Error{"this is no section header of a capture"};
    if (major != 1)
        return Error{"the capture has version " + std::to_string(major) + "." + std::to_string(minor) + "; known is 1.x"};
    return Unit{};
}

}  // namespace undercoat::scap
