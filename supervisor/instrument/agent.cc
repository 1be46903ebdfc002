// See agent.h.
#include "supervisor/instrument/agent.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/instrument/fds.h"
#include "supervisor/instrument/log.h"

namespace undercoat::instrument {

Status Agent::start() {
    if (!settings_.hand_over) settings_.hand_over = map_hand_over();
    auto shared = make_shared_memory();
    if (!shared) return Error{shared.error()};
    int pair[2];
    if (!settings_.hand_over || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return Error{std::string("no socket pair: ") + strerror(errno) + "."};
    UniqueFd ours = move_high(UniqueFd(pair[0])), theirs = move_high(UniqueFd(pair[1]));
    pid_ = fork();
    if (pid_ == 0) {
        ours.reset();
        control_.reset();
        listener_.reset();
        _exit(run_steward(*shared, std::move(theirs), settings_));
    }
    const int error = errno;
    munmap(shared->registry, sizeof(wire::Registry));
    unmap_ring(shared->trap);
    if (pid_ < 0) return Error{std::string("fork failed: ") + strerror(error) + "."};
    control_ = std::move(ours);
    theirs.reset();
    ControlMessage up{};
    if (!await(ControlKind::up, up)) return Error{"The trap process ended before it served."};
    meet_ = up.text;
    return Unit{};
}

bool Agent::await(ControlKind kind, ControlMessage& message) {
    int fd = -1;
    while (receive_control(control_.get(), message, &fd, true) == 1) {
        if (fd >= 0) close(fd);
        message.text[sizeof message.text - 1] = 0;
        if (message.kind == kind) return true;
    }
    return false;
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
    m.value = everything;
    // With a tracer the workload may be dead because the trap process is.
    if (!send_control(control_.get(), m) || !await(ControlKind::drained, m))
        log_line(LogLevel::error, "the trap process ended unexpectedly; what was not written out is lost");
    else if (m.value == 1) waitpid(pid_, nullptr, 0);
}

pid_t Agent::replace() {
    log_line(LogLevel::error, "the trap process ended unexpectedly; another one takes over");
    if (Status s = start(); !s) {
        log_line(LogLevel::error, "%s Calls of the workload cannot be recorded any more.", s.error().c_str());
        return -1;
    }
    serve(std::move(listener_), workload_);
    return pid_;
}

}  // namespace undercoat::instrument
