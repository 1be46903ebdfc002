// Lines of the event log, see event_line.h.
#include "supervisor/outputs/event_line.h"

#include "supervisor/event/json.h"
#include "supervisor/fields/render.h"
#include "supervisor/outputs/json_text.h"

namespace undercoat::outputs {
namespace {

void append_key(std::string_view key, std::string& out) {
    out += ',';
    append_quoted(key, out);
    out += ':';
}

void append_text(std::string_view key, std::string_view text, std::string& out) {
    append_key(key, out);
    append_quoted(text, out);
}

void append_number(std::string_view key, int64_t number, std::string& out) {
    append_key(key, out);
    out += std::to_string(number);
}

// Vectors of execve are long and are in the event's own form already.
bool shown_in_args(const event::Param& p) {
    const std::string_view name = p.name;
    return name != "env" && name != "cgroups";
}

void append_args(const fields::Access& a, std::string& out) {
    append_key("args", out);
    out += '{';
    bool first = true;
    for (unsigned i = 0; i < a.event.nparams(); ++i) {
        const event::Param& p = a.event.info().params[i];
        const auto rendered = fields::render_param(a, i);
        if (!rendered.present || !shown_in_args(p)) continue;
        if (!first) out += ',';
        first = false;
        append_quoted(p.name, out);
        out += ':';
        const bool plain = a.event.param(i).kind == event::ParamValue::Kind::number && rendered.resolved.empty() &&
                           rendered.raw != fields::kNotAvailable;
        if (plain && p.format == event::ParamFormat::DEC && p.type != event::ParamType::ABSTIME &&
            p.type != event::ParamType::BOOL)
            out += rendered.raw;
        else
            append_quoted(fields::sanitized(rendered.shown(), a.arena), out);
    }
    out += '}';
}

}  // namespace

void append_event_line(const event::Event& e, state::State& state, fields::Surroundings& surroundings, rules::Arena& arena,
                       std::string& out) {
    const state::Context& context = state.context();
    const state::Thread* thread = context.event == &e ? context.thread : nullptr;
    event::append_json(e, out);
    if (out.empty() || out.back() != '}') return;
    out.pop_back();
    append_text("time", fields::time_string(e.ts, fields::TimeForm::iso8601_utc) + "Z", out);
    append_key("inferred", out);
    out += e.inferred || e.result_unknown ? "true" : "false";
    if (thread) append_number("ppid", thread->main().ppid, out);
    if (thread) append_text("proc.name", fields::sanitized(thread->comm, arena), out);
    if (!e.captured.stack.empty() && surroundings.stack) {
        const std::string_view stack = surroundings.stack(e, thread ? thread->main().vpid : e.pid);
        if (!stack.empty()) append_text("thread.stack", fields::sanitized(stack, arena), out);
    }
    if (thread && context.fd) append_text("fd.name", fields::sanitized(context.fd->name, arena), out);
    if (e.has_type()) {
        const rules::FieldRef none;
        bool varied = false;
        append_args(fields::Access{e, state, context, thread, surroundings, none, arena, varied}, out);
    }
    out += "}\n";
}

}  // namespace undercoat::outputs
