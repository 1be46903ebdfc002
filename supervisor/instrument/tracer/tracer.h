// The thread that traces: the only one that makes ptrace calls and waits for tracees.
//
// Must stay true: it touches no memory, file or directory of the workload itself; what it hands out it resumes when the
// answer comes, from whichever thread; a tracee may die at any moment, and ESRCH is no error. Every stop that is pending is
// taken before the first is acted on, so that a busy tracee starves no other.
#pragma once

#include <functional>
#include <linux/filter.h>
#include <memory>
#include <mutex>
#include <condition_variable>
#include <unordered_map>
#include <vector>

#include "base/unique_fd.h"
#include "supervisor/instrument/tracer/stopped_call.h"

namespace undercoat::instrument {

struct TraceSettings {
    TraceRules rules;
    bool syscall_info = true;          // PTRACE_GET_SYSCALL_INFO is there
    std::vector<sock_filter> program;  // every_call: which calls are handed out, as the filter would say
};

// What the tracer tells. All are called by its thread.
struct TraceEvents {
    // A call, its end, or a new image is held until answer(); `quick`: nothing but our own memory is needed to answer it.
    // Returns true when it was taken over by another thread.
    std::function<bool(Trap& trap, bool quick)> held;
    std::function<void(pid_t parent, pid_t child)> born;  // `parent`: a thread id
    std::function<void(pid_t tid, int status)> ended;
};

struct TraceAnswer {
    enum Kind { proceed, tell, replace, memfd } kind;
    uint64_t id;
    int64_t value = 0;  // replace: what the call returns instead
};

class Tracer {
public:
    Tracer(TraceSettings settings, TraceEvents events);
    // Starts the thread. Every signal must be blocked already.
    bool start();
    // Traces these threads and all that they start. 0, or the errno of the first that could not be had.
    int seize(const std::vector<pid_t>& threads);
    // Any thread. False: it is known already that nobody waits for it.
    bool answer(const TraceAnswer& a);
    // Whether that thread is still stopped. From another thread than the tracer's: whether it exists.
    bool still_held(uint64_t id) const;
    // Hangs up once every tracee is gone.
    int end_fd() const { return end_read_.get(); }
    static pid_t tid_of(uint64_t id) { return static_cast<pid_t>(id & kTidMask); }

private:
    static constexpr unsigned kTidBits = 23;  // PID_MAX_LIMIT is 2^22
    static constexpr uint64_t kTidMask = (1u << kTidBits) - 1;
    static constexpr size_t kBatch = 512;
    static constexpr size_t kMany = 64;          // tracees from which walking over all of them is dear
    static constexpr unsigned kWalkEvery = 64;   // batches
    static constexpr int kUnnamedMs = 1;         // the longest that a stop without a signal of its own waits
    struct Thread {
        Tracee state;
        enum Plan { none, told, replaced, memfd } plan = none;  // what is to happen at the end of its call
        bool elsewhere = false;   // another thread has it in hand
        bool interrupted = false; // the told call ended by a signal and perhaps begins again
        Trap entry{};
        int64_t replacement = 0;
        std::unique_ptr<user_regs_struct> before;
    };
    static void* thread_entry(void* self);
    void run();
    bool collect();
    bool collect_all(bool block);
    bool collect_named();
    void drain_signals();
    bool await_news(int milliseconds);
    void take_orders();
    void take_answers();
    void stopped(pid_t tid, int status);
    void take_over(Thread& leader, pid_t former);
    void entry(Thread& t, Resume otherwise);
    bool begins_again(Thread& t, const Trap& now);
    void exit(Thread& t, int64_t result);
    void gone(pid_t tid, int status);
    void forget_call(Thread& t);
    void hand_out(Thread& t, Trap trap, bool quick);
    bool act(const TraceAnswer& a);
    void act_at_entry(Thread& t, const TraceAnswer& a);
    void resume(const Thread& t, Resume how, int signal = 0);
    int seize_one(pid_t tid);

    TraceSettings settings_;
    TraceEvents events_;
    StoppedCall calls_;
    UniqueFd wake_, signals_, end_read_, end_write_;
    std::unordered_map<pid_t, Thread> threads_;
    std::vector<std::pair<pid_t, int>> batch_;
    uint64_t serial_ = 0;
    size_t elsewhere_ = 0;  // threads that others have in hand
    bool seized_any_ = false;
    unsigned named_ = 0;    // batches taken by signals alone
    std::mutex mutex_;      // of the following
    std::vector<TraceAnswer> answers_;
    std::vector<pid_t> orders_;
    bool ordered_ = false, sleeping_ = false;
    int order_error_ = 0;
    std::condition_variable order_done_;
    std::vector<TraceAnswer> taken_;
};

}  // namespace undercoat::instrument
