// See repeats.h.
#include "supervisor/pipeline/repeats.h"

#include "wire/local/record.h"

#include <functional>
#include <string_view>

namespace undercoat::pipeline {

const Repeats::Known* Repeats::find(int64_t owner, const uint8_t* record, size_t size, uint64_t epoch) {
    key_.clear();
    if (size < wire::kHeaderSize || size > kMaxRecord) return nullptr;
    const auto* bytes = reinterpret_cast<const char*>(record);
    constexpr size_t kKind = offsetof(wire::RecordHeader, kind), kTime = offsetof(wire::RecordHeader, time);
    constexpr size_t kAfterTime = kTime + sizeof(wire::RecordHeader::time);
    key_.append(reinterpret_cast<const char*>(&owner), sizeof owner);
    key_.append(bytes + kKind, kTime - kKind);
    key_.append(bytes + kAfterTime, size - kAfterTime);
    index_ = std::hash<std::string_view>()(key_) % kSlots;
    const Slot& slot = slots_[index_];
    return slot.epoch == epoch && slot.key == key_ ? &slot.known : nullptr;
}

void Repeats::remember(std::optional<Opened> opened, uint64_t epoch) {
    if (key_.empty()) return;
    Slot& slot = slots_[index_];
    slot.epoch = epoch;
    slot.key.swap(key_);
    slot.known.opened = std::move(opened);
    key_.clear();
}

}  // namespace undercoat::pipeline
