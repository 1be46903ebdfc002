// Serialises records for tests with the writers' own PayloadWriter.
#include "tests/unit/supervisor/support/record_builder.h"

#include <cstring>
#include <ctime>

namespace undercoat::test {

RecordBuilder::RecordBuilder(wire::RecordKind kind, uint16_t call) {
    timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    header_.kind = static_cast<uint16_t>(kind);
    header_.call = call;
    header_.origin = static_cast<uint8_t>(wire::Origin::notify);
    header_.time = static_cast<uint64_t>(t.tv_sec) * 1000000000u + static_cast<uint64_t>(t.tv_nsec);
}

RecordBuilder& RecordBuilder::from(uint32_t pid, uint32_t tid) {
    header_.pid = pid;
    header_.tid = tid != 0 ? tid : pid;
    return *this;
}
RecordBuilder& RecordBuilder::result(int64_t r) { return header_.result = r, *this; }
RecordBuilder& RecordBuilder::flags(uint8_t f) { return header_.flags = f, *this; }
RecordBuilder& RecordBuilder::origin(wire::Origin o) { return header_.origin = static_cast<uint8_t>(o), *this; }
RecordBuilder& RecordBuilder::at(uint64_t ns) { return header_.time = ns, *this; }

RecordBuilder& RecordBuilder::args(std::initializer_list<uint64_t> regs) {
    return text(wire::Tag::args, 0, {reinterpret_cast<const char*>(regs.begin()), regs.size() * sizeof(uint64_t)});
}

RecordBuilder& RecordBuilder::text(wire::Tag tag, uint8_t index, std::string_view s) {
    std::vector<uint8_t> tlv(wire::PayloadWriter::tlv(s.size()));
    wire::PayloadWriter w(tlv.data(), tlv.data() + tlv.size());
    w.put(tag, index, s.data(), s.size());
    payload_.insert(payload_.end(), tlv.begin(), tlv.end());
    header_.payload = static_cast<uint16_t>(payload_.size());
    return *this;
}

std::vector<uint8_t> RecordBuilder::bytes() const {
    std::vector<uint8_t> out(wire::kHeaderSize + payload_.size());
    std::memcpy(out.data(), &header_, wire::kHeaderSize);
    if (!payload_.empty()) std::memcpy(out.data() + wire::kHeaderSize, payload_.data(), payload_.size());
    return out;
}

}  // namespace undercoat::test
