// The back end over ptrace: exact results, at the price of stopping the caller.
//
// Two ways to serve a call: the tracer's thread does it at once (`serve`), which spares two changes of threads; or, from
// leave_to_receivers() on, it is queued for next(), so that whatever holds a receiver up cannot hold the tracer up.
#pragma once

#include <atomic>
#include <deque>

#include "supervisor/instrument/tracer/tracer.h"

namespace undercoat::instrument {

struct PtraceEvents {
    std::function<void(Trap& trap)> serve;  // on the tracer's thread; answers by this back end
    std::function<void(pid_t parent, pid_t child)> born;
    std::function<void(pid_t tid, int status)> ended;
};

class PtraceBackend final : public TrapBackend {
public:
    PtraceBackend(TraceSettings settings, PtraceEvents events);
    bool start() { return tracer_.start(); }
    int seize(const std::vector<pid_t>& threads) { return tracer_.seize(threads); }
    void leave_to_receivers() { at_once_ = false; }
    bool serves_at_once() const { return at_once_; }

    Next next(Trap& trap) override;
    bool pending(int milliseconds) override;
    bool proceed(uint64_t id) override { return tracer_.answer({TraceAnswer::proceed, id}); }
    bool fail(uint64_t id, int error) override { return tracer_.answer({TraceAnswer::replace, id, -error}); }
    bool succeed(uint64_t id, int64_t value) override { return tracer_.answer({TraceAnswer::replace, id, value}); }
    bool give_fd(uint64_t, int) override { return false; }
    bool exact() const override { return true; }
    bool proceed_and_tell(uint64_t id) override { return tracer_.answer({TraceAnswer::tell, id}); }
    bool makes_files() const override { return true; }
    bool make_memfd(uint64_t id) override { return tracer_.answer({TraceAnswer::memfd, id}); }
    int end_fd() const override { return tracer_.end_fd(); }
    bool valid(uint64_t id) override { return tracer_.still_held(id); }
    wire::Origin origin() const override { return wire::Origin::ptrace; }

private:
    bool held(Trap& trap, bool quick);
    PtraceEvents events_;
    std::atomic<bool> at_once_{true};
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::deque<Trap> queue_;
    Tracer tracer_;
};

}  // namespace undercoat::instrument
