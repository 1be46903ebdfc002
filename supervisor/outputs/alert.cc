// Alert lines, see alert.h.
#include "supervisor/outputs/alert.h"

#include "supervisor/fields/render.h"
#include "supervisor/outputs/json_text.h"

#include <fmt/format.h>

#include <cmath>

namespace undercoat::outputs {
namespace {

using rules::Value;

std::string when(uint64_t ts, const LineStyle& style) {
    if (!style.iso_time) return fields::time_string(ts, fields::TimeForm::time);
    return fields::time_string(ts, fields::TimeForm::iso8601_utc) + "+0000";
}

std::string text_form(const Alert& a, const LineStyle& style) {
    std::string s = when(a.ts, style);
    s.append(": ").append(a.priority).append(" ").append(a.message);
    return s;
}

std::string list_text(const Value& v) {
    std::string s = "(";
    for (const Value& item : v.list()) {
        if (s.size() > 1) s += ',';
        if (item.kind() == Value::Kind::text) s += item.text();
        if (item.kind() == Value::Kind::ip) s += item.ip().to_string();
        if (item.kind() == Value::Kind::i64) s += std::to_string(item.i64());
        if (item.kind() == Value::Kind::u64) s += std::to_string(item.u64());
    }
    return s + ")";
}

void append_value(const Value& v, std::string& out) {
    switch (v.kind()) {
        case Value::Kind::none: out += "null"; return;
        case Value::Kind::boolean: out += v.boolean() ? "true" : "false"; return;
        case Value::Kind::i64: out += std::to_string(v.i64()); return;
        case Value::Kind::u64: out += std::to_string(v.u64()); return;
        case Value::Kind::real:
            out += std::isfinite(v.real()) ? fmt::format("{}", v.real()) : "null";
            return;
        case Value::Kind::text: case Value::Kind::bytes: append_quoted(v.text(), out); return;
        case Value::Kind::ip: append_quoted(v.ip().to_string(), out); return;
        case Value::Kind::net: append_quoted(v.net().to_string(), out); return;
        case Value::Kind::list: append_quoted(list_text(v), out); return;
    }
}

// The fields, with evt.time as the integer that it always is, or as the text that the style asks for.
void append_fields(std::span<const AlertField> fields, uint64_t ts, const LineStyle& style, std::string& out) {
    const std::string_view key = style.iso_time ? "evt.time.iso8601" : "evt.time";
    bool time_done = false;
    const char* separator = "";
    const auto time = [&] {
        out.append(separator);
        append_quoted(key, out);
        out += ':';
        if (style.iso_time) append_quoted(when(ts, style), out);
        else out += std::to_string(ts);
        separator = ",";
        time_done = true;
    };
    for (const AlertField& f : fields) {
        if (!time_done && f.key >= key) time();
        if (f.key == key) continue;
        out += separator;
        separator = ",";
        append_quoted(f.key, out);
        out += ':';
        append_value(f.value, out);
    }
    if (!time_done) time();
}

void append_end(std::string_view priority, std::string_view rule, std::string_view source, std::string& out) {
    out += ",\"priority\":";
    append_quoted(priority, out);
    out += ",\"rule\":";
    append_quoted(rule, out);
    out += ",\"source\":";
    append_quoted(source, out);
}

void append_time(uint64_t ts, std::string& out) {
    out += ",\"time\":";
    append_quoted(fields::time_string(ts, fields::TimeForm::iso8601_utc) + "Z", out);
    out += "}\n";
}

}  // namespace

void append_fields_object(std::span<const AlertField> fields, uint64_t ts, const LineStyle& style, std::string& out) {
    out += '{';
    append_fields(fields, ts, style, out);
    out += '}';
}

void append_text_line(const Alert& a, std::string& out, const LineStyle& style) {
    append_escaped(text_form(a, style), out);
    out += '\n';
}

void append_json_line(const Alert& a, std::string_view hostname, std::string& out, const LineStyle& style) {
    out += "{\"hostname\":";
    append_quoted(hostname, out);
    if (style.message) {
        out += ",\"message\":";
        append_quoted(a.message, out);
    }
    if (style.output) {
        out += ",\"output\":";
        append_quoted(text_form(a, style), out);
    }
    if (style.fields) {
        out += ",\"output_fields\":";
        append_fields_object(a.fields, a.ts, style, out);
    }
    append_end(a.priority, a.rule, a.source, out);
    if (style.tags) {
        out += ",\"tags\":[";
        for (size_t i = 0; i < a.tags.size(); ++i) {
            if (i) out += ',';
            append_quoted(a.tags[i], out);
        }
        out += "]";
    }
    append_time(a.ts, out);
}

void append_text_line(const InternalAlert& a, std::string& out, const LineStyle& style) {
    append_escaped(when(a.ts, style) + ": " + a.priority + " " + a.message, out);
    if (!a.fields.empty()) {
        out += " (";
        for (const AlertField& f : a.fields) {
            if (&f != a.fields.data()) out += ' ';
            append_escaped(f.key, out);
            out += '=';
            append_value(f.value, out);
        }
        out += ')';
    }
    out += '\n';
}

void append_json_line(const InternalAlert& a, std::string_view hostname, std::string& out, const LineStyle& style) {
    out += "{\"hostname\":";
    append_quoted(hostname, out);
    out += ",\"output\":";
    append_quoted(a.message, out);
    out += ",\"output_fields\":";
    append_fields_object(a.fields, a.ts, style, out);
    append_end(a.priority, a.rule, "internal", out);
    append_time(a.ts, out);
}

}  // namespace undercoat::outputs
