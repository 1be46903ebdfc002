// See fault.h.
#include "supervisor/instrument/fault.h"

#include <atomic>
#include <cstdlib>
#include <string_view>
#include <unistd.h>

#include "supervisor/instrument/log.h"

namespace undercoat::instrument {
namespace {
Fault g_kind = Fault::none;
unsigned long g_every = 0;
std::atomic<unsigned long> g_traps{0};
}  // namespace

void prepare_faults(const char* setting) {
    if (!setting || !*setting) return;
    const std::string_view s = setting;
    const size_t colon = s.find(':');
    const std::string_view word = s.substr(0, colon);
    g_every = colon == s.npos ? 0 : strtoul(setting + colon + 1, nullptr, 10);
    if (word == "trap-thread-stall" && g_every) g_kind = Fault::stall;
    else if (word == "trap-thread-die" && g_every) g_kind = Fault::die;
    else return log_line(LogLevel::error,
                         "UNDERCOAT_FAULT is '%s'; allowed are trap-thread-stall:N, trap-thread-die:N", setting);
    log_line(LogLevel::warning, "UNDERCOAT_FAULT=%s: faults are injected on purpose", setting);
}

bool faults_prepared() { return g_kind != Fault::none; }

Fault inject_fault() {
    if (g_kind == Fault::none || (g_traps.fetch_add(1, std::memory_order_relaxed) + 1) % g_every != 0) return Fault::none;
    if (g_kind == Fault::stall) sleep(1);
    return g_kind;
}

}  // namespace undercoat::instrument
