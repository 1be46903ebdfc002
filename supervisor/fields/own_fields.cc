// Fields that only Undercoat has: how the event was captured.
#include "supervisor/fields/field.h"

namespace undercoat::fields {
namespace {

using T = FieldType;

std::string_view origin_name(wire::Origin o) {
    switch (o) {
        case wire::Origin::shim: return "shim";
        case wire::Origin::notify: return "notify";
        case wire::Origin::ptrace: return "ptrace";
        case wire::Origin::scan: return "scan";
    }
    return "unknown";
}

constexpr Field kFields[] = {
    {"evt.origin", T::text, [](const Access& a) { return Value::text(origin_name(a.event.origin)); },
     "who saw the call: shim, notify, ptrace, or scan (state read from /proc)"},
    {"evt.result_inferred", T::boolean, [](const Access& a) { return Value::boolean(a.event.inferred); },
     "the result was derived before the call ran"},
    {"evt.result_unknown", T::boolean, [](const Access& a) { return Value::boolean(a.event.result_unknown); },
     "the result is not known and is taken for a success"},
};

}  // namespace

std::span<const Field> own_fields() { return kFields; }

}  // namespace undercoat::fields
