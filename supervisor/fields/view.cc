// Extraction for one event, see view.h.
#include "supervisor/fields/view.h"

#include "supervisor/fields/event_arguments.h"
#include "supervisor/fields/render.h"

#include <cstring>
#include <strings.h>

namespace undercoat::fields {

Value View::run(const FieldRef& field, Extractor from, Arena& arena) {
    const state::Context& context = state_.context();
    return from(Access{*event_, state_, context, context.thread, surroundings_, field, arena, varied_});
}

Value View::extract(const FieldRef& field, Arena& arena) { return run(field, catalogue_.extractor(field.field), arena); }

namespace {

// Names of all ancestors, nearest first, with blanks between; none where there is no ancestor.
Value ancestors_text(const Value& list, Arena& arena) {
    if (list.kind() != Value::Kind::list || list.list().empty()) return {};
    std::string s;
    for (const Value& v : list.list()) {
        if (!s.empty()) s += ' ';
        if (v.kind() == Value::Kind::text) s += sanitized(v.text(), arena);
        if (v.kind() == Value::Kind::i64) s += std::to_string(v.i64());
    }
    return Value::text(arena.copy(s));
}

// Conditions take the number of a descriptor that only was inferred as that of a success; it is none to be shown.
Value shown_number(const Value& v) { return v.kind() == Value::Kind::i64 && v.i64() == wire::kInferredFd ? Value() : v; }

}  // namespace

Value View::output_value(const FieldRef& field, Arena& arena) {
    const Extractor extractor = catalogue_.extractor(field.field);
    if (extractor == argument_raw) return shown_number(run(field, argument_raw_output, arena));
    if (field.text == "proc.aenv") {  // of all ancestors it would be long, and secret: Falco shows the process's own
        FieldRef self = field;
        self.index = 0;
        const Value own = run(self, extractor, arena);
        return own.exists() ? Value::text(sanitized(own.text(), arena)) : own;
    }
    Value v = run(field, extractor, arena);
    if (field.mode == MatchMode::any_of) return ancestors_text(v, arena);
    if (v.kind() == Value::Kind::bytes) return Value::text(printable(v.text(), arena));
    if (v.kind() == Value::Kind::text) return Value::text(sanitized(v.text(), arena));
    if (field.text == "fd.num" || field.text == "evt.rawres") return shown_number(v);
    if (v.kind() == Value::Kind::ip && field.mode == MatchMode::host_name) return {};
    return v;
}

bool View::name_has_address(std::string_view name, const rules::IpAddress& address) {
    event::Address a;
    a.family = address.v6 ? event::Address::Family::ipv6 : event::Address::Family::ipv4;
    std::memcpy(a.bytes, address.bytes.data(), address.v6 ? 16 : 4);
    const std::string_view asked = state_.host_name(a);
    varied_ = true;  // names are learnt as time goes on
    if (asked.size() == name.size() && ::strncasecmp(asked.data(), name.data(), name.size()) == 0) return true;
    return names_ && names_->belongs(name, address);
}

}  // namespace undercoat::fields
