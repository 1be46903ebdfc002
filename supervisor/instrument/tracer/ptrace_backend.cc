// See ptrace_backend.h.
#include "supervisor/instrument/tracer/ptrace_backend.h"

#include <chrono>
#include <thread>

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

// It does not wait on the condition: the one wake-up for a call is a receiver's.
bool PtraceBackend::pending(int milliseconds) {
    const auto any = [this] {
        std::lock_guard guard(mutex_);
        return !queue_.empty();
    };
    if (any()) return true;
    if (milliseconds == 0) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    return any();
}

}  // namespace undercoat::instrument
