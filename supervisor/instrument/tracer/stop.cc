// See stop.h.
#include "supervisor/instrument/tracer/stop.h"

#include <csignal>
#include <sys/ptrace.h>
#include <sys/wait.h>

namespace undercoat::instrument {
namespace {

constexpr int kGoodSysgood = SIGTRAP | 0x80;

Stop event_stop(int event, int signal) {
    switch (event) {
        case PTRACE_EVENT_SECCOMP: return {Stop::seccomp};
        case PTRACE_EVENT_FORK: case PTRACE_EVENT_VFORK: return {Stop::fork};
        case PTRACE_EVENT_CLONE: return {Stop::clone};
        case PTRACE_EVENT_VFORK_DONE: return {Stop::vfork_done};
        case PTRACE_EVENT_EXEC: return {Stop::exec};
        case PTRACE_EVENT_STOP: return signal == SIGTRAP ? Stop{Stop::trap} : Stop{Stop::group, signal};
        default: return {Stop::other};
    }
}

}  // namespace

Stop decode_stop(int status) {
    if (!WIFSTOPPED(status)) return {Stop::ended, status};
    const int signal = WSTOPSIG(status), event = status >> 16;
    if (event != 0) return event_stop(event, signal);
    if (signal == kGoodSysgood) return {Stop::syscall};
    return {Stop::signal, signal};
}

}  // namespace undercoat::instrument
