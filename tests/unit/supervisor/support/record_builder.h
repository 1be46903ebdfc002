// Builds records as the shim and the trap write them.
#pragma once

#include "wire/local/calls.h"
#include "wire/local/record.h"

#include <initializer_list>
#include <string_view>
#include <vector>

namespace undercoat::test {

class RecordBuilder {
public:
    explicit RecordBuilder(wire::RecordKind kind, uint16_t call = wire::kNoCall);
    static RecordBuilder call(wire::Call c) { return RecordBuilder(wire::RecordKind::call, static_cast<uint16_t>(c)); }

    RecordBuilder& from(uint32_t pid, uint32_t tid = 0);
    RecordBuilder& result(int64_t r);
    RecordBuilder& flags(uint8_t f);
    RecordBuilder& origin(wire::Origin o);
    RecordBuilder& at(uint64_t realtime_ns);
    RecordBuilder& args(std::initializer_list<uint64_t> regs);
    RecordBuilder& text(wire::Tag tag, uint8_t index, std::string_view s);
    template <class T>
    RecordBuilder& object(wire::Tag tag, uint8_t index, const T& v) {
        return text(tag, index, {reinterpret_cast<const char*>(&v), sizeof v});
    }
    RecordBuilder& order(uint32_t ring, uint64_t head) { return object(wire::Tag::order, 0, wire::Order{ring, 0, head}); }
    RecordBuilder& seq(uint32_t n) { return object(wire::Tag::seq, 0, n); }

    const wire::RecordHeader& header() const { return header_; }
    const std::vector<uint8_t>& payload() const { return payload_; }
    // Header and payload, as RingReader copies them.
    std::vector<uint8_t> bytes() const;

private:
    wire::RecordHeader header_{};
    std::vector<uint8_t> payload_;
};

}  // namespace undercoat::test
