// Extraction for one event, see view.h.
#include "supervisor/fields/view.h"

#include "supervisor/fields/event_arguments.h"
#include "supervisor/fields/render.h"

#include <cstring>
#include <strings.h>

namespace undercoat::fields {

Value View::run(const FieldRef& field, Extractor from, Arena& arena) {
    const state::Context& context = state_.context();
    return from(Access{*event_, state_, context, context.thread, surroundings_, field, arena});
}

Value View::extract(const FieldRef& field, Arena& arena) { return run(field, catalogue_.extractor(field.field), arena); }

Value View::output_value(const FieldRef& field, Arena& arena) {
    const Extractor extractor = catalogue_.extractor(field.field);
    if (extractor == argument_raw) return run(field, argument_raw_output, arena);
    Value v;
    if (field.mode == MatchMode::any_of) {
        FieldRef self = field;
        self.index = 0;
        self.mode = MatchMode::scalar;
        v = run(self, extractor, arena);
    } else {
        v = run(field, extractor, arena);
    }
    if (v.kind() == Value::Kind::bytes) return Value::text(printable(v.text(), arena));
    if (v.kind() == Value::Kind::text) return Value::text(sanitized(v.text(), arena));
    if (v.kind() == Value::Kind::ip && field.mode == MatchMode::host_name) return {};
    return v;
}

bool View::name_has_address(std::string_view name, const rules::IpAddress& address) {
    event::Address a;
    a.family = address.v6 ? event::Address::Family::ipv6 : event::Address::Family::ipv4;
    std::memcpy(a.bytes, address.bytes.data(), address.v6 ? 16 : 4);
    const std::string_view asked = state_.host_name(a);
    if (asked.size() == name.size() && ::strncasecmp(asked.data(), name.data(), name.size()) == 0) return true;
    return names_ && names_->belongs(name, address);
}

}  // namespace undercoat::fields
