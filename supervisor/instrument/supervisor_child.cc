// See supervisor_child.h.
#include "supervisor/instrument/supervisor_child.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <linux/close_range.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/instrument/fds.h"
#include "supervisor/instrument/log.h"
#include "supervisor/instrument/target.h"
#include "supervisor/instrument/trap_ring.h"

namespace undercoat::instrument {
namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr unsigned kQuickRestarts = 5;
constexpr unsigned kFinalRestarts = 3;

wire::AgentMessage message(wire::AgentMessageKind kind) { return {static_cast<uint32_t>(kind), 0, 0, 0}; }

}  // namespace

void SupervisorChild::become_supervisor(int socket) {
    for (int s = 1; s < NSIG; ++s) signal(s, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    setsid();
    syscall(SYS_close_range, 3, socket - 1, CLOSE_RANGE_CLOEXEC);
    syscall(SYS_close_range, socket + 1, ~0u, CLOSE_RANGE_CLOEXEC);
    fcntl(socket, F_SETFD, 0);
    char number[16];
    snprintf(number, sizeof number, "%d", socket);
    std::vector<char*> argv{path_.data(), const_cast<char*>("--agent-fd"), number};
    for (std::string& a : arguments_) argv.push_back(a.data());
    argv.push_back(nullptr);
    execv(path_.c_str(), argv.data());
    log_line(LogLevel::error, "the supervisor %s cannot be started: %s", path_.c_str(), strerror(errno));
    _exit(127);
}

bool SupervisorChild::start_if_due(uint64_t now) {
    if (running() || !present() || finished_ || now < due_) return false;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return false;
    UniqueFd ours = move_high(UniqueFd(pair[0])), theirs = move_high(UniqueFd(pair[1]));
    pid_ = fork();
    if (pid_ == 0) become_supervisor(theirs.get());
    if (pid_ < 0) {
        due_ = now + 1000 * kMs;
        return false;
    }
    socket_ = std::move(ours);
    pidfd_ = move_high(UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0))));
    started_ = now;
    note_pid();
    __atomic_store_n(&shared_.registry->supervisor_pid, pid_, __ATOMIC_RELEASE);
    shared_.trap.ring.control->agent_pids[1] = pid_;
    const int fds[] = {shared_.registry_fd.get(), shared_.trap.fd.get()};
    send_message(socket_.get(), message(wire::AgentMessageKind::hello), fds, 2);
    if (listener_ >= 0) send_message(socket_.get(), message(wire::AgentMessageKind::listener), &listener_, 1);
    registrar_.set_supervisor(socket_.get());
    registrar_.sweep();
    if (stopping_) tell_stop();
    return true;
}

// Number and time together name a process for ever.
void SupervisorChild::note_pid() {
    Stat s;
    __atomic_store_n(&hand_over_.supervisor_pid, 0, __ATOMIC_RELEASE);
    if (!read_stat(pid_, s)) return;
    hand_over_.supervisor_start = s.start_time;
    __atomic_store_n(&hand_over_.supervisor_pid, pid_, __ATOMIC_RELEASE);
}

void SupervisorChild::retire_left() {
    constexpr int kMostWait = 2000;
    const pid_t left = hand_over_.supervisor_pid;
    Stat s;
    UniqueFd old(left > 0 ? static_cast<int>(syscall(SYS_pidfd_open, left, 0)) : -1);
    if (old && read_stat(left, s) && s.start_time == hand_over_.supervisor_start) {
        syscall(SYS_pidfd_send_signal, old.get(), SIGKILL, nullptr, 0);
        pollfd p{old.get(), POLLIN, 0};
        if (poll(&p, 1, kMostWait) != 1) log_line(LogLevel::error, "the supervisor of the trap process that died does not end");
    }
    __atomic_store_n(&shared_.registry->supervisor_pid, 0, __ATOMIC_RELEASE);
    wire::count(*shared_.registry, wire::Counter::supervisor_restarts);
}

int SupervisorChild::wait_ms(uint64_t now) const {
    if (running() || !present() || finished_) return -1;
    return due_ <= now ? 0 : static_cast<int>((due_ - now) / kMs) + 1;
}

void SupervisorChild::set_listener(int fd) {
    listener_ = fd;
    if (socket_) send_message(socket_.get(), message(wire::AgentMessageKind::listener), &listener_, 1);
    wake_reader(shared_.trap.ring);
}

void SupervisorChild::tell_stop() {
    stopping_ = true;
    due_ = 0;
    stop_told_ = socket_ && send_message(socket_.get(), message(wire::AgentMessageKind::stop), nullptr, 0);
    wake_reader(shared_.trap.ring);
}

bool SupervisorChild::attend(uint64_t now) {
    if (!running()) return false;
    bool ready = false;
    if (stopping_ && !stop_told_) tell_stop();  // the socket was full
    wire::AgentMessage m;
    while (socket_ && recv(socket_.get(), &m, sizeof m, MSG_DONTWAIT) == static_cast<ssize_t>(sizeof m))
        ready |= m.kind == static_cast<uint32_t>(wire::AgentMessageKind::ready);
    int status = 0;
    const pid_t changed = waitpid(pid_, &status, WNOHANG | WUNTRACED);
    if (changed == pid_ && WIFSTOPPED(status)) ::kill(pid_, SIGCONT);
    else if (changed == pid_) {
        // Only one that ended of itself has emptied the rings.
        finished_ = stopping_ && ((WIFEXITED(status) && WEXITSTATUS(status) == 0) || final_deaths_++ >= kFinalRestarts);
        if (!finished_)
            log_line(LogLevel::warning, "the supervisor ended (%s %d); it is started again",
                     WIFSIGNALED(status) ? "signal" : "status", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        died(now);
    }
    return ready;
}

void SupervisorChild::died(uint64_t now) {
    registrar_.set_supervisor(-1);
    __atomic_store_n(&shared_.registry->supervisor_pid, 0, __ATOMIC_RELEASE);
    pid_ = -1;
    socket_.reset();
    pidfd_.reset();
    for (wire::RingSlot& s : shared_.registry->slots)
        if (__atomic_load_n(&s.reading, __ATOMIC_RELAXED)) ++s.crashes;
    if (finished_) return;
    wire::count(*shared_.registry, wire::Counter::supervisor_restarts);
    deaths_ = now - started_ > 10'000 * kMs ? 1 : deaths_ + 1;
    // The first ones at once, a fifth of a second apart at most; then ever slower, up to ten seconds.
    const uint64_t pause = deaths_ <= kQuickRestarts ? 200 : std::min(10'000u, 500u << std::min(deaths_ - kQuickRestarts, 5u));
    due_ = deaths_ == 1 || stopping_ ? now : std::max(now, started_ + pause * kMs);
}

void SupervisorChild::kill() {
    if (running()) ::kill(pid_, SIGKILL);
}

}  // namespace undercoat::instrument
