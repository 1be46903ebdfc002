// See tracer.h. It sleeps in waitpid() while nobody else holds a tracee and there are few of them, else in poll() over SIGCHLD
// and a wake-up of its own.
#include "supervisor/instrument/tracer/tracer.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <linux/audit.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/instrument/bpf_evaluator.h"
#include "supervisor/instrument/fds.h"

namespace undercoat::instrument {
namespace {

thread_local const Tracer* t_tracer = nullptr;  // set in the tracer's own thread

constexpr int kAny = __WALL | __WNOTHREAD;
constexpr uint64_t kCloneUntraced = 0x00800000, kClone = 56, kCloneI386 = 120, kX32 = 0x40000000;
constexpr int64_t kRestarts[] = {-512, -513, -514, -516};  // ERESTARTSYS and its like: never seen by programs

bool will_restart(int64_t result) { return std::find(std::begin(kRestarts), std::end(kRestarts), result) != std::end(kRestarts); }

// A child that nobody traces could make no captured call (a filter asks for a tracer), or would be unseen (without one).
bool leaves_us(const Trap& t) {
    return (t.nr & ~kX32) == (t.arch == AUDIT_ARCH_I386 ? kCloneI386 : kClone) && (t.args[0] & kCloneUntraced);
}

bool same_call(const Trap& a, const Trap& b) {
    return a.nr == b.nr && a.arch == b.arch && a.ip == b.ip && std::equal(a.args, a.args + 6, b.args);
}

}  // namespace

Tracer::Tracer(TraceSettings settings, TraceEvents events)
    : settings_(std::move(settings)), events_(std::move(events)), calls_(settings_.syscall_info) {
    batch_.reserve(kBatch);
}

bool Tracer::start() {
    wake_ = move_high(UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)));
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    signals_ = move_high(UniqueFd(signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK)));
    int ends[2];
    if (!wake_ || !signals_ || pipe2(ends, O_CLOEXEC) != 0) return false;
    end_read_ = move_high(UniqueFd(ends[0]));
    end_write_ = move_high(UniqueFd(ends[1]));
    pthread_t thread;
    if (pthread_create(&thread, nullptr, thread_entry, this) != 0) return false;
    pthread_detach(thread);
    return true;
}

void* Tracer::thread_entry(void* self) {
    prctl(PR_SET_NAME, "undercoat-trace");
    auto* tracer = static_cast<Tracer*>(self);
    t_tracer = tracer;
    tracer->run();
    return nullptr;
}

int Tracer::seize(const std::vector<pid_t>& threads) {
    std::unique_lock guard(mutex_);
    orders_ = threads;
    ordered_ = true;
    eventfd_write(wake_.get(), 1);
    order_done_.wait(guard, [this] { return !ordered_; });
    return order_error_;
}

bool Tracer::answer(const TraceAnswer& a) {
    if (t_tracer == this) return act(a);
    bool wake = false;
    {
        std::lock_guard guard(mutex_);
        answers_.push_back(a);
        wake = sleeping_;
        sleeping_ = false;
    }
    if (wake) eventfd_write(wake_.get(), 1);
    return true;
}

bool Tracer::still_held(uint64_t id) const {
    unsigned long message = 0;
    if (t_tracer == this) return ptrace(PTRACE_GETEVENTMSG, tid_of(id), nullptr, &message) == 0;
    return syscall(SYS_tkill, tid_of(id), 0) == 0;
}

void Tracer::run() {
    while (collect()) {
        for (const auto& [tid, status] : batch_) stopped(tid, status);
        take_answers();
    }
    end_write_.reset();
}

// Fills batch_ with stops that are pending, waiting for the first. False: every tracee is gone.
bool Tracer::collect() {
    batch_.clear();
    if (threads_.size() >= kMany) return collect_named();
    if (elsewhere_ != 0) drain_signals();
    if (!collect_all(elsewhere_ == 0 && !threads_.empty())) return false;
    if (batch_.empty()) await_news(-1);
    return true;
}

// Every stop that is pending. Costs a walk over all tracees, at least one.
bool Tracer::collect_all(bool block) {
    int status = 0;
    while (batch_.size() < kBatch) {
        const pid_t tid = waitpid(-1, &status, kAny | (block ? 0 : WNOHANG));
        block = false;
        if (tid > 0) {
            batch_.emplace_back(tid, status);
            continue;
        }
        if (tid < 0 && errno == EINTR) continue;
        return tid >= 0 || errno != ECHILD || !batch_.empty() || !seized_any_;
    }
    return true;
}

// With many tracees: SIGCHLD says who has stopped. Signals merge, so that a stop may go unnamed: all are walked over from time
// to time, and when nothing more is heard.
bool Tracer::collect_named() {
    signalfd_siginfo info;
    int status = 0;
    while (batch_.size() < kBatch && read(signals_.get(), &info, sizeof info) == sizeof info) {
        const pid_t tid = static_cast<pid_t>(info.ssi_pid);
        if (waitpid(tid, &status, kAny | WNOHANG) == tid) batch_.emplace_back(tid, status);
    }
    if (!batch_.empty() && ++named_ < kWalkEvery) return true;
    if (batch_.empty() && named_ != 0 && await_news(kUnnamedMs)) return true;
    named_ = 0;
    if (!collect_all(false)) return false;
    if (batch_.empty()) await_news(-1);
    return true;
}

void Tracer::drain_signals() {
    signalfd_siginfo info;
    while (read(signals_.get(), &info, sizeof info) == sizeof info) {}
}

// Sleeps until something happens, at most so long. False: nothing did.
bool Tracer::await_news(int milliseconds) {
    bool sleep = false, any = true;
    {
        std::lock_guard guard(mutex_);
        sleep = sleeping_ = answers_.empty() && !ordered_;
    }
    if (sleep) {
        pollfd p[2] = {{wake_.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}};
        any = poll(p, 2, milliseconds) != 0;
        eventfd_t ignored;
        eventfd_read(wake_.get(), &ignored);
    }
    take_orders();
    return any;
}

void Tracer::take_orders() {
    std::vector<pid_t> orders;
    {
        std::lock_guard guard(mutex_);
        sleeping_ = false;
        if (!ordered_) return;
        orders.swap(orders_);
    }
    int error = 0;
    for (pid_t tid : orders)
        if (const int e = seize_one(tid); e != 0 && error == 0) error = e;
    std::lock_guard guard(mutex_);
    ordered_ = false;
    order_error_ = error;
    order_done_.notify_all();
}

int Tracer::seize_one(pid_t tid) {
    const bool all = settings_.rules.every_call;
    // Without us a filtered call would fail with ENOSYS for ever: better no process than a broken one.
    const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                         PTRACE_O_TRACEEXEC | (all ? 0 : PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL);
    if (ptrace(PTRACE_SEIZE, tid, nullptr, options) != 0) return errno;
    threads_[tid].state.tid = tid;
    seized_any_ = true;
    if (all) ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr);
    return 0;
}

void Tracer::take_answers() {
    {
        std::lock_guard guard(mutex_);
        taken_.swap(answers_);
    }
    for (const TraceAnswer& a : taken_) act(a);
    taken_.clear();
}

void Tracer::stopped(pid_t tid, int status) {
    const Stop stop = decode_stop(status);
    if (stop.kind == Stop::ended) return gone(tid, status);
    Thread& t = threads_[tid];
    t.state.tid = tid;
    unsigned long message = 0;
    if (stop.kind == Stop::exec || stop.kind == Stop::fork) ptrace(PTRACE_GETEVENTMSG, tid, nullptr, &message);
    if (stop.kind == Stop::exec) take_over(t, static_cast<pid_t>(message));
    int64_t result = 0;
    const Side side = stop.kind == Stop::syscall ? calls_.side(tid, result) : Side::unknown;
    const Step s = step(t.state, stop, side, settings_.rules);
    switch (s.tell) {
        case Step::entry: return entry(t, s.resume);
        case Step::exit:
            if (side == Side::unknown) calls_.result(tid, result);
            return exit(t, result);
        case Step::forked:
            if (message != 0) events_.born(tid, static_cast<pid_t>(message));
            break;
        case Step::executed: {
            Trap image{};
            image.phase = Trap::Phase::image;
            if (t.plan == Thread::told) image.entry_id = t.entry.entry_id;
            t.plan = Thread::none;
            return hand_out(t, image, false);
        }
        default: break;
    }
    resume(t, s.resume, s.signal);
}

// The thread that executed has taken the leader's id; whatever the leader was at is over.
void Tracer::take_over(Thread& leader, pid_t former) {
    const auto at = threads_.find(former);
    if (at == threads_.end() || former == leader.state.tid) return;
    forget_call(leader);
    const pid_t tid = leader.state.tid;
    if (leader.elsewhere) --elsewhere_;
    leader = std::move(at->second);
    leader.state.tid = tid;
    threads_.erase(at);
}

void Tracer::entry(Thread& t, Resume otherwise) {
    Trap now{};
    const pid_t tid = t.state.tid;
    if (!calls_.entry(tid, now)) return resume(t, otherwise == Resume::nothing ? onward(t.state, settings_.rules) : otherwise);
    if (settings_.rules.every_call) {
        seccomp_data data{static_cast<int>(now.nr), now.arch, now.ip, {}};
        std::copy(now.args, now.args + 6, data.args);
        const auto action = evaluate(settings_.program, data);
        if (!action || (*action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ALLOW) return resume(t, otherwise);
    }
    if (t.interrupted && begins_again(t, now)) return;
    t.plan = Thread::none;
    t.entry = now;
    t.entry.tid = static_cast<uint32_t>(tid);
    hand_out(t, t.entry, false);
}

// The kernel restarts the call that a signal interrupted: it is the same one, and known already.
bool Tracer::begins_again(Thread& t, const Trap& now) {
    t.interrupted = false;
    if (same_call(now, t.entry)) {
        t.plan = Thread::told;
        answered(t.state, true);
        resume(t, onward(t.state, settings_.rules));
        return true;
    }
    Trap over = t.entry;
    over.phase = Trap::Phase::gone;
    over.result = -EINTR;
    events_.held(over, true);
    return false;
}

void Tracer::exit(Thread& t, int64_t result) {
    const auto plan = t.plan;
    Trap over = t.entry;
    over.result = result;
    if (plan == Thread::told && will_restart(result)) {
        t.interrupted = true;
        return resume(t, onward(t.state, settings_.rules));
    }
    if (plan == Thread::told || plan == Thread::memfd) {
        over.phase = plan == Thread::told ? Trap::Phase::ended : Trap::Phase::made;
        return hand_out(t, over, plan == Thread::told);
    }
    if (plan == Thread::replaced) StoppedCall::set_result(t.state.tid, t.replacement);
    t.plan = Thread::none;
    resume(t, onward(t.state, settings_.rules));
}

// A told call whose end nobody will see.
void Tracer::forget_call(Thread& t) {
    if (t.plan != Thread::told || t.state.held != 0) return;
    Trap over = t.entry;
    over.phase = Trap::Phase::gone;
    over.result = wire::kStatusUnknown;
    t.plan = Thread::none;
    events_.held(over, true);
}

void Tracer::gone(pid_t tid, int status) {
    if (const auto at = threads_.find(tid); at != threads_.end()) {
        forget_call(at->second);
        if (at->second.elsewhere) --elsewhere_;
        threads_.erase(at);
    }
    events_.ended(tid, status);
}

void Tracer::hand_out(Thread& t, Trap trap, bool quick) {
    const pid_t tid = t.state.tid;
    trap.tid = static_cast<uint32_t>(tid);
    trap.id = ++serial_ << kTidBits | static_cast<uint64_t>(tid);
    t.state.held = trap.id;
    t.entry.phase = trap.phase;
    t.entry.result = trap.result;
    t.elsewhere = true;
    ++elsewhere_;
    if (trap.phase == Trap::Phase::entry) t.entry.entry_id = trap.id;
    if (events_.held(trap, quick)) return;
    act({TraceAnswer::proceed, trap.id});  // without effect when it was answered
}

bool Tracer::act(const TraceAnswer& a) {
    const auto at = threads_.find(tid_of(a.id));
    if (at == threads_.end() || at->second.state.held != a.id) {
        if (a.kind != TraceAnswer::tell) return false;
        Trap over{};
        over.phase = Trap::Phase::gone;
        over.entry_id = a.id;
        over.result = wire::kStatusUnknown;
        events_.held(over, true);
        return false;
    }
    Thread& t = at->second;
    t.elsewhere = false;
    --elsewhere_;
    if (t.entry.phase == Trap::Phase::entry) {
        act_at_entry(t, a);
        return true;
    }
    if (t.plan == Thread::memfd && t.before)
        StoppedCall::end_memfd(t.state.tid, *t.before, a.kind == TraceAnswer::replace ? a.value : t.entry.result);
    else if (a.kind == TraceAnswer::replace) StoppedCall::set_result(t.state.tid, a.value);
    t.plan = Thread::none;
    t.before.reset();
    answered(t.state, false);
    resume(t, onward(t.state, settings_.rules));
    return true;
}

void Tracer::act_at_entry(Thread& t, const TraceAnswer& a) {
    const pid_t tid = t.state.tid;
    t.plan = Thread::none;
    TraceAnswer::Kind kind = a.kind;
    if (kind == TraceAnswer::memfd) {
        t.before = std::make_unique<user_regs_struct>();
        constexpr unsigned kCloseOnExecAndSealable = 3;
        if (StoppedCall::begin_memfd(tid, "undercoat-ring", kCloseOnExecAndSealable, *t.before)) t.plan = Thread::memfd;
        else kind = TraceAnswer::replace;
    }
    if (kind == TraceAnswer::tell) t.plan = Thread::told;
    if (kind != TraceAnswer::replace && leaves_us(t.entry)) StoppedCall::clear_flags(tid, kCloneUntraced);
    if (kind == TraceAnswer::replace) {
        t.replacement = a.kind == TraceAnswer::memfd ? -EMFILE : a.value;
        if (StoppedCall::skip(tid)) t.plan = Thread::replaced;
    }
    answered(t.state, t.plan != Thread::none);
    resume(t, onward(t.state, settings_.rules));
}

void Tracer::resume(const Thread& t, Resume how, int signal) {
    const pid_t tid = t.state.tid;
    switch (how) {
        case Resume::nothing: return;
        case Resume::listen:
            if (ptrace(PTRACE_LISTEN, tid, nullptr, nullptr) == 0 || errno == ESRCH) return;
            break;
        case Resume::to_syscall: ptrace(PTRACE_SYSCALL, tid, nullptr, signal); return;
        case Resume::go: break;
    }
    ptrace(PTRACE_CONT, tid, nullptr, signal);
}

}  // namespace undercoat::instrument
