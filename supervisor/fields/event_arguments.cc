// Arguments by name or number, see event_arguments.h.
#include "supervisor/fields/event_arguments.h"

#include "supervisor/fields/render.h"

#include <unordered_map>
#include <vector>

namespace undercoat::fields {
namespace {

using event::ParamType;
using event::ParamValue;
using T = FieldType;

T field_type(ParamType type) {
    switch (type) {
        case ParamType::INT8: return T::int8;
        case ParamType::INT16: return T::int16;
        case ParamType::INT32: return T::int32;
        case ParamType::INT64: case ParamType::ERRNO: case ParamType::FD: case ParamType::FD32: case ParamType::PID:
        case ParamType::PID32: return T::int64;
        case ParamType::UINT8: case ParamType::SIGTYPE: return T::uint8;
        case ParamType::UINT16: case ParamType::SYSCALLID: return T::uint16;
        case ParamType::UINT32: case ParamType::UID: case ParamType::GID: case ParamType::SIGSET: return T::uint32;
        case ParamType::UINT64: return T::uint64;
        case ParamType::PORT: return T::port;
        case ParamType::FLAGS8: case ParamType::FLAGS16: case ParamType::FLAGS32: case ParamType::ENUMFLAGS8:
        case ParamType::ENUMFLAGS16: case ParamType::ENUMFLAGS32: return T::flags;
        case ParamType::MODE: return T::mode;
        case ParamType::RELTIME: return T::reltime;
        case ParamType::ABSTIME: return T::abstime;
        case ParamType::BOOL: return T::boolean;
        case ParamType::DOUBLE: return T::real;
        case ParamType::CHARBUF: return T::text;
        case ParamType::FSPATH: case ParamType::FSRELPATH: return T::path;
        case ParamType::IPV4ADDR: case ParamType::IPV6ADDR: return T::ip;
        default: return T::bytes;  // addresses, tuples, lists and DYN: only whole-value operators apply
    }
}

struct Names {
    std::vector<std::string_view> names;
    std::vector<ParamType> types;
    std::unordered_map<std::string_view, uint32_t> number;

    Names() {
        for (unsigned e = 0; e < event::kEventCount; ++e)
            for (unsigned i = 0; i < event::kEvents[e].nparams; ++i) add(event::kEvents[e].params[i]);
    }
    void add(const event::Param& p) {
        const auto [at, fresh] = number.emplace(p.name, static_cast<uint32_t>(names.size()));
        if (fresh) {
            names.push_back(p.name);
            types.push_back(p.type);
        } else if (p.type == ParamType::SOCKADDR) {
            types[at->second] = p.type;  // "addr" is best known as a socket address
        }
    }
};

const Names& all() {
    static const Names names;
    return names;
}

// Position of the wanted argument in this event, or -1.
int position(const Access& a) {
    if (a.ref.index >= 0) return event::find_param(a.event.info(), all().names[static_cast<size_t>(a.ref.index)]);
    const int64_t n = -1 - a.ref.index;
    return n < static_cast<int64_t>(a.event.nparams()) ? static_cast<int>(n) : -1;
}

Value raw_value(const Access& a, const ParamValue& v, bool is_text) {
    switch (v.kind) {
        case ParamValue::Kind::number:
            switch (a.ref.type) {
                case T::boolean: return Value::boolean(v.number != 0);
                case T::int8: case T::int16: case T::int32: case T::int64: return Value::i64(v.number);
                case T::real: return Value::real(static_cast<double>(v.number));
                case T::text: case T::path: case T::bytes: case T::ip: return {};
                default: return Value::u64(v.u64());
            }
        case ParamValue::Kind::empty: return is_text ? Value::text(kNotAvailable) : Value();
        case ParamValue::Kind::text: return is_text ? Value::text(v.text) : Value();
        case ParamValue::Kind::bytes: return a.ref.type == T::bytes ? Value::bytes(v.text) : Value();
        default: return {};
    }
}

}  // namespace

std::span<const std::string_view> argument_names() { return all().names; }

std::optional<uint32_t> argument_number(std::string_view name) {
    const auto it = all().number.find(name);
    return it == all().number.end() ? std::nullopt : std::optional(it->second);
}

FieldType raw_argument_type(uint32_t name) { return field_type(all().types[name]); }

Value argument_text(const Access& a) {
    const int i = position(a);
    if (i < 0) return {};
    const Rendered r = render_param(a, static_cast<unsigned>(i));
    return r.present ? Value::text(r.shown()) : Value();
}

Value argument_raw(const Access& a) {
    const int i = position(a);
    if (i < 0) return {};
    return raw_value(a, a.event.param(static_cast<unsigned>(i)), a.ref.type == T::text || a.ref.type == T::path);
}

Value argument_raw_output(const Access& a) {
    const Value v = argument_raw(a);
    if (v.exists()) return v;
    const int i = position(a);
    const bool empty = i >= 0 && a.event.param(static_cast<unsigned>(i)).kind == ParamValue::Kind::empty;
    return empty && a.ref.type != T::bytes ? Value::u64(0) : Value();
}

}  // namespace undercoat::fields
