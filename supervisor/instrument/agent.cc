// See agent.h.
#include "supervisor/instrument/agent.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/instrument/fds.h"
#include "supervisor/instrument/log.h"
#include "supervisor/instrument/notify.h"

namespace undercoat::instrument {

Status Agent::start() {
    settings_.hand_over = map_hand_over();
    vault_.open();
    settings_.vault = &vault_;
    return start_one(false);
}

// The memory of one before is for the child alone.
void Agent::become_steward(Result<Shared> shared, UniqueFd control, bool again) {
    Inheritance left;
    left.again = again;
    left.workload = workload_;
    if (again) {
        left.listener = std::move(listener_);
        left.kept = vault_.look();
        shared = restore_shared_memory(left.kept);
        if (!shared) {
            log_line(LogLevel::error, "%s Records that were not read are lost.", shared.error().c_str());
            *settings_.hand_over = {};
            left.again = false;
            shared = make_shared_memory();
        }
        if (!shared) _exit(1);
    }
    control_.reset();
    listener_.reset();
    _exit(run_steward(*shared, std::move(control), settings_, std::move(left)));
}

Status Agent::start_one(bool again) {
    Result<Shared> shared = again ? Result<Shared>(Shared{}) : make_shared_memory();
    if (!shared) return Error{shared.error()};
    if (!again) {
        vault_.keep({kRegistryItem, 0, shared->registry_fd.get()});
        vault_.keep({0, kTrapRingId, shared->trap.fd.get()});
    }
    int pair[2];
    if (!settings_.hand_over || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return Error{std::string("no socket pair: ") + strerror(errno) + "."};
    UniqueFd ours = move_high(UniqueFd(pair[0])), theirs = move_high(UniqueFd(pair[1]));
    pid_ = fork();
    if (pid_ == 0) {
        ours.reset();
        become_steward(std::move(shared), std::move(theirs), again);
    }
    const int error = errno;
    if (shared->registry) munmap(shared->registry, sizeof(wire::Registry));
    unmap_ring(shared->trap);
    if (pid_ < 0) return Error{std::string("fork failed: ") + strerror(error) + "."};
    control_ = std::move(ours);
    theirs.reset();
    ControlMessage up{};
    if (!await(ControlKind::up, up)) {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
        return Error{"The trap process ended before it served."};
    }
    meet_ = up.text;
    return Unit{};
}

bool Agent::await(ControlKind kind, ControlMessage& message) {
    constexpr int kLookMs = 20;
    for (;;) {
        // Nobody else continues it when it is stopped now.
        int status = 0, fd = -1;
        pollfd p{control_.get(), POLLIN, 0};
        while (poll(&p, 1, kLookMs) == 0)
            if (waitpid(pid_, &status, WNOHANG | WUNTRACED) == pid_ && WIFSTOPPED(status)) kill(pid_, SIGCONT);
        if (receive_control(control_.get(), message, &fd, true) != 1) return false;
        if (fd >= 0) close(fd);
        message.text[sizeof message.text - 1] = 0;
        if (message.kind == kind) return true;
    }
}

void Agent::serve(UniqueFd listener, pid_t workload) {
    workload_ = workload;
    listener_ = std::move(listener);
    ControlMessage m{listener_ ? ControlKind::listener : ControlKind::no_filter};
    m.value = workload;
    send_control(control_.get(), m, listener_.get());
}

int Agent::trace(pid_t workload, bool every_call) {
    ControlMessage m{ControlKind::trace};
    m.value = workload;
    m.text[0] = every_call;
    return send_control(control_.get(), m) && await(ControlKind::seized, m) ? m.value : EIO;
}

bool Agent::wait_ready() {
    for (;;) {
        pollfd p{control_.get(), POLLIN, 0};
        if (poll(&p, 1, 200) > 0) {
            ControlMessage m{};
            return await(ControlKind::ready, m);
        }
        // Signals are blocked, and there is no workload yet to pass them to.
        sigset_t pending;
        sigpending(&pending);
        for (int s : {SIGTERM, SIGINT, SIGHUP, SIGQUIT})
            if (sigismember(&pending, s)) return false;
    }
}

void Agent::finish(bool everything) {
    ControlMessage m{ControlKind::ended};
    constexpr int kTries = 10;  // somebody may go on killing it while it drains
    bool done = false;
    // With a tracer the workload may be dead because the trap process is: nothing of its is kept.
    for (int i = 0; i < kTries && !done; ++i) {
        if (i > 0 && (!listener_ || replace() < 0)) break;
        m = {ControlKind::ended, everything};
        done = send_control(control_.get(), m) && await(ControlKind::drained, m);
    }
    if (!done)
        log_line(LogLevel::error, "the trap process ended unexpectedly; what was not written out is lost");
    else if (m.value == 1) waitpid(pid_, nullptr, 0);
}

pid_t Agent::replace() {
    log_line(LogLevel::error, "the trap process ended unexpectedly; another one takes over");
    constexpr int kAttempts = 20;
    Status s = start_one(true);
    for (int i = 1; i < kAttempts && !s; ++i) {
        const timespec pause{0, i * 1'000'000};
        nanosleep(&pause, nullptr);
        s = start_one(true);
    }
    if (!s) return let_all_pass(s.error());
    if (!listener_) serve({}, workload_);
    return pid_;
}

// The last resort: a process that needs no memory, and only lets calls go on.
pid_t Agent::let_all_pass(const std::string& why) {
    log_line(LogLevel::error, "%s Calls of the workload cannot be recorded any more.", why.c_str());
    const pid_t pid = listener_ ? fork() : -1;
    if (pid != 0) return pid;
    NotifyBackend backend(std::move(listener_));
    Trap t{};
    for (TrapBackend::Next got; (got = backend.next(t)) != TrapBackend::Next::finished;)
        if (got == TrapBackend::Next::trap) backend.proceed(t.id);
    _exit(0);
}

}  // namespace undercoat::instrument
