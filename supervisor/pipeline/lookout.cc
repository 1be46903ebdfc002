// See lookout.h.
#include "supervisor/pipeline/lookout.h"

#include "supervisor/coverage/look.h"

#include <ctime>
#include <unistd.h>

namespace undercoat::pipeline {
namespace {

using event::CoverageLevel, event::CoverageReason, event::Kind;

constexpr int64_t kEperm = -1, kEnosys = -38;

CoverageReason reason_of(const event::Event& e) {
    for (unsigned i = 1; i < static_cast<unsigned>(CoverageReason::count); ++i)
        if (e.param(0).text == event::words(static_cast<CoverageReason>(i)).name) return static_cast<CoverageReason>(i);
    return CoverageReason::none;
}

uint64_t wall_clock() {
    timespec t{};
    ::clock_gettime(CLOCK_REALTIME, &t);
    return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
}

bool is_preload(const wire::Registry& r) { return r.mode == static_cast<uint32_t>(wire::CaptureMode::preload); }

}  // namespace

bool Lookout::admits(const event::Event& e) { return e.kind != Kind::coverage || book_.note(e.pid, reason_of(e)); }

void Lookout::tell(int64_t pid, coverage::Finding f, std::string_view detail, uint64_t ts) {
    if (!book_.note(pid, f.reason)) return;
    event::Event& e = told_.emplace_back();
    e.kind = Kind::coverage;
    e.id.position = ++made_;
    e.ts = ts;
    e.pid = e.tid = pid;
    event::fill_coverage(e, f.reason, f.level, detail);
}

std::deque<event::Event>& Lookout::what_follows(const event::Event& e, const wire::Registry& r) {
    told_.clear();
    if (e.kind == Kind::exit) book_.forget(e.pid);
    // Outer filters say EPERM or ENOSYS; a record of the trap that was lost leaves a result of its own, too.
    if (e.masked && e.has_type() && (e.result == kEperm || e.result == kEnosys))
        tell(e.pid, {e.pid, CoverageReason::masked, CoverageLevel::part}, e.name(), e.ts);
    // The library tells a success only of programs that will not load it.
    const bool unseen = e.kind == Kind::call && e.is(event::Call::execve) && e.origin == wire::Origin::shim && e.result == 0;
    if (unseen && is_preload(r)) {
        const auto program = coverage::read_program("/proc", e.pid);
        const auto why = program == coverage::Program::i386 ? CoverageReason::foreign_abi : CoverageReason::static_program;
        tell(e.pid, {e.pid, why, CoverageLevel::nothing}, "", e.ts);
    }
    return told_;
}

std::deque<event::Event>& Lookout::look_around(const wire::Registry& r, uint64_t now) {
    told_.clear();
    coverage::Patrol::Place place;
    place.preload = is_preload(r);
    place.traced = r.origin == static_cast<uint32_t>(wire::Origin::ptrace);
    place.instrument = r.instrument_pid;
    place.supervisor = ::getpid();
    place.workload = r.workload_pid;
    for (const coverage::Finding& f : patrol_.look(place, now)) tell(f.pid, f, "", wall_clock());
    return told_;
}

}  // namespace undercoat::pipeline
