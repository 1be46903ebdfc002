// One extracted value of a field: small, copied freely, owning nothing.
//
// Must stay true: text, bytes and lists point into memory of the event or of the Arena given to the extraction, and
// are valid until that event is done and that Arena is reset. Kind none is "NA": the field has no value on this
// event, which makes every comparison false. The empty text and the empty list are values.
#pragma once

#include "rules/ip_address.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace undercoat::rules {

class Value {
public:
    enum class Kind : uint8_t { none, boolean, i64, u64, real, text, bytes, ip, net, list };

    constexpr Value() : kind_(Kind::none), u64_(0) {}
    static constexpr Value boolean(bool v) {
        Value r(Kind::boolean);
        r.u64_ = v;
        return r;
    }
    static constexpr Value i64(int64_t v) {
        Value r(Kind::i64);
        r.i64_ = v;
        return r;
    }
    static constexpr Value u64(uint64_t v) {
        Value r(Kind::u64);
        r.u64_ = v;
        return r;
    }
    static constexpr Value real(double v) {
        Value r(Kind::real);
        r.real_ = v;
        return r;
    }
    static constexpr Value text(std::string_view v) {
        Value r(Kind::text);
        r.text_ = v;
        return r;
    }
    static constexpr Value bytes(std::string_view v) {
        Value r(Kind::bytes);
        r.text_ = v;
        return r;
    }
    static constexpr Value ip(const IpAddress& v) {
        Value r(Kind::ip);
        r.net_ = IpNetwork{v, 0};
        return r;
    }
    static constexpr Value net(const IpNetwork& v) {
        Value r(Kind::net);
        r.net_ = v;
        return r;
    }
    static constexpr Value list(std::span<const Value> v) {
        Value r(Kind::list);
        r.list_ = {v.data(), v.size()};
        return r;
    }

    constexpr Kind kind() const { return kind_; }
    constexpr bool exists() const { return kind_ != Kind::none; }
    // Precondition of each: the kind of that name (text() serves bytes too).
    constexpr bool boolean() const { return u64_ != 0; }
    constexpr int64_t i64() const { return i64_; }
    constexpr uint64_t u64() const { return u64_; }
    constexpr double real() const { return real_; }
    constexpr std::string_view text() const { return text_; }
    constexpr const IpAddress& ip() const { return net_.address; }
    constexpr const IpNetwork& net() const { return net_; }
    constexpr std::span<const Value> list() const { return {list_.first, list_.count}; }

private:
    struct List {
        const Value* first;
        size_t count;
    };
    explicit constexpr Value(Kind k) : kind_(k), u64_(0) {}

    Kind kind_;
    union {
        int64_t i64_;
        uint64_t u64_;
        double real_;
        std::string_view text_;
        IpNetwork net_;
        List list_;
    };
};

}  // namespace undercoat::rules
