// The memory of one event's texts.
//
// Must stay true: what copy() returned stays where it is until reset(); after the first events nothing is allocated any
// more. One event is at most a few records long, so that one block almost always suffices.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <type_traits>
#include <vector>

namespace undercoat::event {

class Memory {
public:
    // Room for n bytes, aligned for any value without extended alignment.
    void* allocate(size_t n) {
        n = (n + 15) & ~size_t{15};
        if (blocks_.empty() || used_ + n > blocks_[at_].size) next_block(n);
        void* p = blocks_[at_].bytes.get() + used_;
        used_ += n;
        return p;
    }
    std::string_view copy(std::string_view text) {
        if (text.empty()) return std::string_view("", 0);
        char* p = static_cast<char*>(allocate(text.size()));
        std::memcpy(p, text.data(), text.size());
        return {p, text.size()};
    }
    template <class T>
        requires(!std::is_convertible_v<const T&, std::string_view>)
    T* copy(const T& value) {
        static_assert(std::is_trivially_copyable_v<T>);
        return static_cast<T*>(std::memcpy(allocate(sizeof(T)), &value, sizeof(T)));
    }
    void reset() {
        at_ = 0;
        used_ = 0;
    }

private:
    static constexpr size_t kBlock = 64 * 1024;
    struct Block {
        std::unique_ptr<std::byte[]> bytes;
        size_t size;
    };
    void next_block(size_t n) {
        if (!blocks_.empty()) ++at_;
        while (at_ < blocks_.size() && blocks_[at_].size < n) ++at_;
        if (at_ == blocks_.size()) {
            const size_t size = n > kBlock ? n : kBlock;
            blocks_.push_back({std::make_unique<std::byte[]>(size), size});
        }
        used_ = 0;
    }

    std::vector<Block> blocks_;
    size_t at_ = 0;
    size_t used_ = 0;
};

}  // namespace undercoat::event
