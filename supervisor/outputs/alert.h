// One alert as a line of text or JSON, byte by byte as Falco writes it (FALCO_SPEC 3.2, 3.3).
//
// Must stay true: readers of Falco's lines (falcosidekick, Loki, Firelens) parse these unchanged; a line never contains a
// line break; event content arrives here already harmless (fields::View::output_value).
#pragma once

#include "rules/value.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

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

// Appends "<time>: <Priority> <message>\n", escaped like a JSON string.
void append_text_line(const Alert& a, std::string& out);
// Appends one JSON object with the keys hostname, output, output_fields, priority, rule, source, tags, time, and "\n".
void append_json_line(const Alert& a, std::string_view hostname, std::string& out);

}  // namespace undercoat::outputs
