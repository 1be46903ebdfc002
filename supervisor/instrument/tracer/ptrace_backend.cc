// See ptrace_backend.h.
#include "supervisor/instrument/tracer/ptrace_backend.h"

#include <chrono>

namespace undercoat::instrument {

PtraceBackend::PtraceBackend(TraceSettings settings, PtraceEvents events)
    : events_(std::move(events)),
      tracer_(std::move(settings), {[this](Trap& t, bool quick) { return held(t, quick); }, events_.born, events_.ended}) {}

bool PtraceBackend::held(Trap& trap, bool quick) {
    if (quick || at_once_) {
        events_.serve(trap);
        return false;
    }
    std::lock_guard guard(mutex_);
    queue_.push_back(trap);
    arrived_.notify_one();
    return true;
}

TrapBackend::Next PtraceBackend::next(Trap& trap) {
    std::unique_lock guard(mutex_);
    arrived_.wait(guard, [this] { return !queue_.empty(); });
    trap = queue_.front();
    queue_.pop_front();
    return Next::trap;
}

bool PtraceBackend::pending(int milliseconds) {
    std::unique_lock guard(mutex_);
    return arrived_.wait_for(guard, std::chrono::milliseconds(milliseconds), [this] { return !queue_.empty(); });
}

}  // namespace undercoat::instrument
