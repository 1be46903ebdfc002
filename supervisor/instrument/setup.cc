// See setup.h.
#include "supervisor/instrument/setup.h"

#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include "supervisor/instrument/log.h"

namespace undercoat::instrument {

void lower_oom_risk() {
    const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    (void)!write(fd, "-999", 4);
    close(fd);
}

namespace {

const char* describe(const Launched& l, bool shim) {
    switch (l.held_by) {
        case TrapKind::notify:
            return shim ? "full mode: preloaded library, and seccomp user notification for the rest"
                        : "trap mode: seccomp user notification for every captured call";
        case TrapKind::ptrace:
            return shim ? "full mode: preloaded library, and ptrace (seccomp filter) for the rest"
                        : "trap mode: ptrace (seccomp filter) for every captured call";
        case TrapKind::ptrace_all:
            return shim ? "full mode: preloaded library, and ptrace at every call for the rest"
                        : "trap mode: ptrace at every call";
        default: return "preload mode: the library alone";
    }
}

}  // namespace

void say_mode(const Launched& l, const LaunchPlan& plan) {
    if (l.held_by == TrapKind::automatic && plan.filter)
        log_line(LogLevel::warning, "calls can be held neither by a seccomp filter nor by a tracer here (%s): %s", strerror(l.filter_error),
                 describe(l, true));
    else log_line(LogLevel::debug, "%s", describe(l, !plan.shim.empty()));
    if (l.no_new_privs)
        log_line(LogLevel::warning,
                 "no_new_privs had to be set: set-user-id programs (sudo, su, ping) run without their privileges below us");
}

LaunchPlan plan_launch(const Options& o, const Bundle& b, const std::string& path) {
    LaunchPlan p;
    p.path = path;
    p.argv = o.command;
    p.filter = o.mode != Mode::preload && !o.no_filter;
    p.trap = o.trap;
    p.filter_required = o.mode == Mode::full || o.mode == Mode::trap;
    p.spec.gadget = o.mode != Mode::trap && !b.shim.empty();
    if (o.mode != Mode::trap) p.shim = b.shim;
    return p;
}

void note_missing(const Options& o, const Bundle& b) {
    if (b.supervisor.empty())
        log_line(LogLevel::warning, "no supervisor beside %s: nothing is evaluated", b.self.c_str());
    if (b.shim.empty() && o.mode != Mode::trap)
        log_line(LogLevel::warning, "no lib/libshim.so for %s: every call takes the slow way", b.self.c_str());
}

wire::CaptureMode capture_mode(const LaunchPlan& plan) {
    if (!plan.filter) return wire::CaptureMode::preload;
    return plan.spec.gadget ? wire::CaptureMode::full : wire::CaptureMode::trap;
}

}  // namespace undercoat::instrument
