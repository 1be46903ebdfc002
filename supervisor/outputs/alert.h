// One alert as a line of text or JSON, byte by byte as Falco writes it (FALCO_SPEC 3.2, 3.3).
//
// Must stay true: readers of Falco's lines (falcosidekick, Loki, Firelens) parse these unchanged; a line never contains
// a line break; event content arrives here already harmless (fields::View::output_value).
#pragma once

#include "rules/value.h"
#include "supervisor/outputs/settings.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace undercoat::outputs {

struct AlertField {
    std::string key;      // as written in the rule's output, "proc.aname[2]"
    rules::Value value;   // none: null
};

struct Alert {
    std::string_view rule;
    std::string_view priority;  // "Warning"
    std::string_view source = "syscall";
    std::span<const std::string> tags;  // sorted
    uint64_t ts = 0;                    // ns since the epoch
    std::string message;                // the rule's output with values, without time and priority
    std::span<const AlertField> fields; // sorted by key
};

enum class Format { text, json };

// An alert of our own making (dropped events, a snapshot of the counters). Its JSON has no tags, and its "output" is
// the message alone; its text shows the fields behind the message. Otherwise the two below are used.
struct InternalAlert {
    std::string rule;
    std::string priority;
    std::string message;
    uint64_t ts = 0;
    std::vector<AlertField> fields;  // sorted by key
    std::vector<std::pair<std::string, std::string>> texts;  // what fields may point into; not to be changed afterwards

    InternalAlert() = default;
    InternalAlert(InternalAlert&&) = default;  // a copy's fields would point into the original
    InternalAlert& operator=(InternalAlert&&) = default;
};

// Appends "<time>: <Priority> <message>\n", escaped like a JSON string.
void append_text_line(const Alert& a, std::string& out, const LineStyle& style = {});
// Appends one JSON object with the keys hostname, output, output_fields, priority, rule, source, tags, time, and "\n";
// message behind hostname where the style has it.
void append_json_line(const Alert& a, std::string_view hostname, std::string& out, const LineStyle& style = {});
// The fields as one JSON object, with the event's time.
void append_fields_object(std::span<const AlertField> fields, uint64_t ts, const LineStyle& style, std::string& out);
// "<time>: <Priority> <message> (key=<JSON value> …)\n" and the JSON object.
void append_text_line(const InternalAlert& a, std::string& out, const LineStyle& style = {});
void append_json_line(const InternalAlert& a, std::string_view hostname, std::string& out, const LineStyle& style = {});

}  // namespace undercoat::outputs
