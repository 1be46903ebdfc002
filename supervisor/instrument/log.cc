// See log.h.
#include "supervisor/instrument/log.h"

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <unistd.h>

namespace undercoat::instrument {
namespace {
LogLevel g_level = LogLevel::info;
}

void set_log_level(LogLevel level) { g_level = level; }
LogLevel log_level() { return g_level; }

void log_line(LogLevel level, const char* format, ...) {
    if (level > g_level) return;
    const int saved = errno;
    static const char* const words[] = {"", "error: ", "warning: ", "", "debug: ", "trace: "};
    char line[1024];
    int n = snprintf(line, sizeof line, "undercoat: %s", words[static_cast<int>(level)]);
    va_list args;
    va_start(args, format);
    errno = saved;
    n += std::max(0, vsnprintf(line + n, sizeof line - static_cast<size_t>(n) - 1, format, args));
    va_end(args);
    n = std::min(n, static_cast<int>(sizeof line) - 2);
    line[n++] = '\n';
    (void)!write(2, line, static_cast<size_t>(n));
    errno = saved;
}

}  // namespace undercoat::instrument
