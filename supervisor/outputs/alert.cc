// Alert lines, see alert.h.
#include "supervisor/outputs/alert.h"

#include "supervisor/fields/render.h"
#include "supervisor/outputs/json_text.h"

#include <fmt/format.h>

#include <cmath>

namespace undercoat::outputs {
namespace {

using rules::Value;

std::string text_form(const Alert& a) {
    std::string s = fields::time_string(a.ts, fields::TimeForm::time);
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

// The fields, with evt.time as the integer that it always is.
void append_fields(const Alert& a, std::string& out) {
    bool time_done = false;
    const char* separator = "";
    const auto time = [&] {
        out.append(separator).append("\"evt.time\":").append(std::to_string(a.ts));
        separator = ",";
        time_done = true;
    };
    for (const AlertField& f : a.fields) {
        if (!time_done && f.key >= "evt.time") time();
        if (f.key == "evt.time") continue;
        out += separator;
        separator = ",";
        append_quoted(f.key, out);
        out += ':';
        append_value(f.value, out);
    }
    if (!time_done) time();
}

}  // namespace

void append_text_line(const Alert& a, std::string& out) {
    append_escaped(text_form(a), out);
    out += '\n';
}

void append_json_line(const Alert& a, std::string_view hostname, std::string& out) {
    out += "{\"hostname\":";
    append_quoted(hostname, out);
    out += ",\"output\":";
    append_quoted(text_form(a), out);
    out += ",\"output_fields\":{";
    append_fields(a, out);
    out += "},\"priority\":";
    append_quoted(a.priority, out);
    out += ",\"rule\":";
    append_quoted(a.rule, out);
    out += ",\"source\":";
    append_quoted(a.source, out);
    out += ",\"tags\":[";
    for (size_t i = 0; i < a.tags.size(); ++i) {
        if (i) out += ',';
        append_quoted(a.tags[i], out);
    }
    out += "],\"time\":";
    append_quoted(fields::time_string(a.ts, fields::TimeForm::iso8601_utc) + "Z", out);
    out += "}\n";
}

}  // namespace undercoat::outputs
