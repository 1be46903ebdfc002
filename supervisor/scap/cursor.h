// Reads little-endian values from bytes that may be anything.
//
// Must stay true: nothing is read beyond the end; what would be is zero or empty, and ok() is false from then on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace undercoat::scap {

using Bytes = std::span<const uint8_t>;

class Cursor {
public:
    explicit Cursor(Bytes bytes) : bytes_(bytes) {}

    template <class T>
    T take() {
        static_assert(std::is_integral_v<T>);
        T value{};
        if (const uint8_t* from = take_raw(sizeof value)) std::memcpy(&value, from, sizeof value);
        return value;
    }
    Bytes take_bytes(size_t n) {
        const uint8_t* from = take_raw(n);
        return from != nullptr ? Bytes(from, n) : Bytes();
    }
    // A text of n bytes.
    std::string_view take_text(size_t n) {
        const Bytes b = take_bytes(n);
        return {reinterpret_cast<const char*>(b.data()), b.size()};
    }
    // A text after its 16-bit length.
    std::string_view take_text() { return take_text(take<uint16_t>()); }
    // Copies n bytes; leaves `to` as it is where there are fewer.
    void take_into(uint8_t* to, size_t n) {
        if (const uint8_t* from = take_raw(n)) std::memcpy(to, from, n);
    }
    void skip(size_t n) { take_raw(n); }

    size_t left() const { return bytes_.size() - at_; }
    size_t position() const { return at_; }
    bool ok() const { return ok_; }

private:
    const uint8_t* take_raw(size_t n) {
        if (n > left()) {
            ok_ = false;
            at_ = bytes_.size();
            return nullptr;
        }
        const uint8_t* from = bytes_.data() + at_;
        at_ += n;
        return from;
    }
    Bytes bytes_;
    size_t at_ = 0;
    bool ok_ = true;
};

}  // namespace undercoat::scap
