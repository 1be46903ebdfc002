// How event parameters become text (evt.arg.*, evt.args).
//
// FALCO_SPEC 4.4 is the form. Must stay true: a parameter has a raw text (numbers, the path as given) and maybe a resolved
// one (names, the absolute path); evt.arg shows the resolved text where there is one, evt.args shows both.
#pragma once

#include "supervisor/fields/field.h"

namespace undercoat::fields {

struct Rendered {
    bool present = false;       // false: the event does not carry the parameter
    std::string_view raw;
    std::string_view resolved;  // empty: none
    std::string_view shown() const { return resolved.empty() ? raw : resolved; }
};

inline constexpr std::string_view kNotAvailable = "<NA>";

// i < a.event.nparams().
Rendered render_param(const Access& a, unsigned i);
// "fd=3(<f>/etc/passwd) name=…", all parameters in order; "" for a type without any.
std::string_view render_args(const Access& a);
// Printable ASCII as it is, every other byte as a dot.
std::string_view printable(std::string_view bytes, Arena& arena);
// "<4t>1.2.3.4:5->6.7.8.9:80"
std::string_view fd_text(const FdInfo& fd, Arena& arena);

// "2026-11-21 10:00:00.123456789" and its parts; local time unless utc.
enum class TimeForm { time, time_seconds, datetime, datetime_seconds, iso8601_utc };
std::string_view time_text(uint64_t ns, TimeForm form, Arena& arena);
// The same for code without an arena. iso8601_zulu ends in "Z" instead of "+0000".
std::string time_string(uint64_t ns, TimeForm form);

// Event content made harmless for terminals and readers of text: control bytes, DEL and invalid UTF-8 become U+FFFD, one
// for each byte. Returns the same text where nothing has to change.
std::string_view sanitized(std::string_view text, Arena& arena);

}  // namespace undercoat::fields
