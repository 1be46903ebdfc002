// Records of calls that are running, kept until their results are known.
//
// Must stay true: memory is reused, and grows only with the number of calls that run at once.
#pragma once

#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "wire/local/record.h"

namespace undercoat::instrument {

class CallBook {
public:
    struct Entry {
        wire::RecordHeader header{};
        std::vector<uint8_t> payload;
    };
    void put(uint64_t id, const wire::RecordHeader& header, const uint8_t* payload, size_t n) {
        std::lock_guard guard(mutex_);
        Entry e = take_spare();
        e.header = header;
        e.payload.assign(payload, payload + n);
        calls_[id] = std::move(e);
    }
    // False: there is none. Give it back when done.
    bool take(uint64_t id, Entry& out) {
        std::lock_guard guard(mutex_);
        const auto at = calls_.find(id);
        if (at == calls_.end()) return false;
        out = std::move(at->second);
        calls_.erase(at);
        return true;
    }
    void give_back(Entry&& e) {
        std::lock_guard guard(mutex_);
        if (spare_.size() < kSpare && e.payload.capacity() <= kLargestSpare) spare_.push_back(std::move(e));
    }
    size_t size() {
        std::lock_guard guard(mutex_);
        return calls_.size();
    }

private:
    static constexpr size_t kSpare = 64, kLargestSpare = 8192;
    Entry take_spare() {
        if (spare_.empty()) return {};
        Entry e = std::move(spare_.back());
        spare_.pop_back();
        return e;
    }
    std::mutex mutex_;
    std::unordered_map<uint64_t, Entry> calls_;
    std::vector<Entry> spare_;
};

}  // namespace undercoat::instrument
