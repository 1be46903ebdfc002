// See start.h.
#include "supervisor/instrument/tracer/start.h"

#include <unistd.h>

#include "supervisor/instrument/fault.h"
#include "supervisor/instrument/filter.h"
#include "supervisor/instrument/log.h"
#include "supervisor/instrument/tracer/delays.h"
#include "supervisor/probes/trace_probe.h"

namespace undercoat::instrument {

std::unique_ptr<PtraceBackend> start_tracer(Handler& handler, const TracePlan& plan) {
    const probes::TraceFacts facts = probes::try_trace();
    TraceSettings settings;
    settings.rules = {plan.every_call, facts.entry_after_seccomp};
    settings.syscall_info = facts.syscall_info;
    if (plan.every_call)
        settings.program = build_filter({plan.gadget, {plan.init_pid, getpid()}, TrapAction::trace});
    // The tracer's own thread serves with this one; it lives as long as the process.
    auto ticket = std::make_shared<Ticket>();
    auto self = std::make_shared<PtraceBackend*>(nullptr);
    PtraceEvents events;
    events.serve = [&handler, ticket, self](Trap& trap) {
        if (trap.phase == Trap::Phase::entry && brings_delays(trap)) (*self)->leave_to_receivers();
        ticket->trap = trap;
        ticket->recorded = 0;
        handler.handle(**self, *ticket);
    };
    events.born = [&handler](pid_t, pid_t child) { handler.note_birth(child); };
    events.ended = [&handler](pid_t tid, int status) { handler.process_died(tid, status); };
    auto backend = std::make_unique<PtraceBackend>(std::move(settings), std::move(events));
    *self = backend.get();
    handler.use(*backend);
    if (faults_prepared() || slow_mounts_here()) backend->leave_to_receivers();
    if (!backend->start()) return nullptr;
    log_line(LogLevel::debug, "tracer: %s, %s", facts.syscall_info ? "PTRACE_GET_SYSCALL_INFO" : "PTRACE_GETREGS",
             facts.entry_after_seccomp ? "entry stop after the seccomp stop" : "seccomp stop after the entry stop");
    return backend;
}

}  // namespace undercoat::instrument
