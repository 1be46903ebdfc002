// See json.h.
#include "collector/json.h"

#include "base/utf8.h"

#include <cstdio>

namespace undercoat::collector {
namespace {

void member(const char* name, std::string_view value, std::string& out) {
    out.append(",\"").append(name).append("\":");
    append_quoted(value, out);
}
void number(const char* name, uint64_t value, std::string& out) {
    out.append(",\"").append(name).append("\":").append(std::to_string(value));
}
void time(const char* name, int64_t ns, std::string& out) {
    if (ns == 0) out.append(",\"").append(name).append("\":null");
    else member(name, iso_time(ns), out);
}

}  // namespace

void append_quoted(std::string_view text, std::string& out) {
    out += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out.append(1, '\\').append(1, c);
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            char code[8];
            std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(c));
            out += code;
        } else {
            out += c;
        }
    }
    out += '"';
}

void append_json(const AlertRecord& a, std::string& out) {
    out += "{\"id\":";
    append_quoted(a.id.text(), out);
    member("time", iso_time(a.time_ns), out);
    member("received", iso_time(a.received_ns), out);
    member("priority", priority_name(a.severity), out);
    number("severity", a.severity, out);
    member("rule", a.rule, out);
    member("source", a.source, out);
    member("hostname", a.hostname, out);
    member("agent", a.agent, out);
    member("output", a.message, out);
    out.append(",\"tags\":").append(a.tags);
    out.append(",\"fields\":").append(a.fields);
    out.append(",\"context\":").append(a.context);
    out += '}';
}

void append_json(const AgentRecord& a, std::string& out) {
    out += "{\"id\":";
    append_quoted(a.id, out);
    member("version", a.version, out);
    member("hostname", a.hostname, out);
    member("mode", a.mode, out);
    member("rules_version", a.rules_version, out);
    member("address", a.address, out);
    member("rules_assigned", a.rules_assigned, out);
    member("rules_refused", a.rules_refused, out);
    member("rules_message", a.rules_message, out);
    member("key", a.key, out);
    member("via", a.via, out);
    out.append(",\"relay\":").append(a.relay ? "true" : "false");
    out.append(",\"connected\":").append(a.connected ? "true" : "false");
    time("started", a.started_ns, out);
    time("first_seen", a.first_seen_ns, out);
    time("last_seen", a.last_seen_ns, out);
    number("alerts", a.alerts, out);
    number("missing", a.missing, out);
    out += ",\"tags\":[";
    for (size_t i = 0; i < a.tags.size(); ++i) {
        if (i) out += ',';
        append_quoted(a.tags[i], out);
    }
    out += "],\"platform\":{";
    for (size_t i = 0; i < a.platform.size(); ++i) {
        if (i) out += ',';
        append_quoted(a.platform[i].first, out);
        out += ':';
        append_quoted(a.platform[i].second, out);
    }
    out += "},\"counters\":{";
    bool first = true;
    for (const auto& [name, value] : a.counters) {
        if (!std::exchange(first, false)) out += ',';
        append_quoted(name, out);
        out.append(":").append(std::to_string(value));
    }
    out += "}}";
}

std::string harmless(std::string_view text) {
    std::string out;
    append_harmless(text.substr(0, 200), out);
    return out;
}

}  // namespace undercoat::collector
