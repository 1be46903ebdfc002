// Own messages: one line each to stderr, "undercoat: …".
//
// Must stay true: one write(2) per line, so that lines of ours and of the workload do not interleave; never to stdout.
#pragma once

#include <string_view>

namespace undercoat::instrument {

enum class LogLevel { silent, error, warning, info, debug, trace };

void set_log_level(LogLevel level);
LogLevel log_level();
// printf-style; cut at about 1 KiB. Safe in a forked child.
void log_line(LogLevel level, const char* format, ...) __attribute__((format(printf, 2, 3)));

}  // namespace undercoat::instrument
