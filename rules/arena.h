// Scratch memory for the evaluation of one event.
//
// Must stay true: reset() frees nothing that a next event would need again, so that after the first events evaluation
// allocates no heap memory; nothing with a destructor may be placed here. Used by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <vector>

namespace undercoat::rules {

class Arena {
public:
    explicit Arena(size_t block_size = 16 * 1024) : block_size_(block_size) {}
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;

    // Uninitialised memory that lives until reset(). size may be 0; alignment is a power of two up to 16.
    void* allocate(size_t size, size_t alignment = 8) {
        uintptr_t at = (cursor_ + alignment - 1) & ~(alignment - 1);
        if (at + size > end_ || cursor_ == 0) return allocate_slow(size);
        cursor_ = at + size;
        return reinterpret_cast<void*>(at);
    }

    template <class T>
    std::span<T> array(size_t count) {
        static_assert(std::is_trivially_destructible_v<T>);
        T* first = static_cast<T*>(allocate(count * sizeof(T), alignof(T)));
        for (size_t i = 0; i < count; ++i) new (first + i) T();
        return {first, count};
    }

    std::string_view copy(std::string_view text) {
        char* to = static_cast<char*>(allocate(text.size(), 1));
        if (!text.empty()) std::memcpy(to, text.data(), text.size());
        return {to, text.size()};
    }

    // Makes all memory reusable. One block that is larger than the usual size is given back.
    void reset() {
        large_.clear();
        if (!blocks_.empty()) use(0);
    }

private:
    void* allocate_slow(size_t size) {
        if (size > block_size_ / 4) {
            large_.push_back(std::make_unique<std::byte[]>(size));
            return large_.back().get();
        }
        size_t next = cursor_ == 0 ? 0 : current_ + 1;
        if (next == blocks_.size()) blocks_.push_back(std::make_unique<std::byte[]>(block_size_));
        use(next);
        uintptr_t at = cursor_;
        cursor_ += size;
        return reinterpret_cast<void*>(at);
    }
    void use(size_t block) {
        current_ = block;
        cursor_ = reinterpret_cast<uintptr_t>(blocks_[block].get());
        end_ = cursor_ + block_size_;
    }

    size_t block_size_;
    std::vector<std::unique_ptr<std::byte[]>> blocks_;
    std::vector<std::unique_ptr<std::byte[]>> large_;
    size_t current_ = 0;
    uintptr_t cursor_ = 0;
    uintptr_t end_ = 0;
};

}  // namespace undercoat::rules
