// See witness.h. Question: {signal, number}. Answer: {sender, number}; sender -1 when the signal is not pending, or was not
// sent by kill(). The number tells a late answer from the one waited for.
#include "supervisor/instrument/witness.h"

#include <cerrno>
#include <csignal>
#include <ctime>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/instrument/fds.h"

namespace undercoat::instrument {
namespace {

constexpr int kAnswerMs = 100;

struct Message {
    int value;
    unsigned number;
};

unsigned g_number = 0;

[[noreturn]] void testify(int socket, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_DUMPABLE, 0);
    if (getppid() != parent) _exit(0);
    if (socket > 0) syscall(SYS_close_range, 0, socket - 1, 0);
    syscall(SYS_close_range, socket + 1, ~0u, 0);
    if (chdir("/") != 0) {}  // a directory of the workload's file systems is not kept busy
    for (Message m; recv(socket, &m, sizeof m, 0) == static_cast<ssize_t>(sizeof m);) {
        sigset_t one;
        sigemptyset(&one);
        sigaddset(&one, m.value);
        siginfo_t info{};
        const timespec now{0, 0};
        m.value = sigtimedwait(&one, &info, &now) > 0 && info.si_code == SI_USER ? info.si_pid : -1;
        if (send(socket, &m, sizeof m, MSG_NOSIGNAL) < 0) break;
    }
    _exit(0);
}

}  // namespace

void Witness::start() {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return;
    UniqueFd ours = move_high(UniqueFd(pair[0])), theirs = move_high(UniqueFd(pair[1]));
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) testify(theirs.get(), parent);
    if (pid < 0) return;
    pid_ = pid;
    socket_ = std::move(ours);
}

void Witness::stop() {
    if (pid_ > 0 && kill(pid_, SIGKILL) == 0) waitpid(pid_, nullptr, 0);
    pid_ = -1;
    socket_.reset();
}

bool Witness::saw(int signal, pid_t sender) {
    if (pid_ < 0) {
        start();
        return false;
    }
    // A parent can have put us into another group after our start.
    if (getpgid(pid_) != getpgrp()) {
        setpgid(pid_, getpgrp());
        return false;
    }
    const Message question{signal, ++g_number};
    if (send(socket_.get(), &question, sizeof question, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) return false;
    for (;;) {
        pollfd p{socket_.get(), POLLIN, 0};
        const int ready = poll(&p, 1, kAnswerMs);
        Message answer;
        if (ready <= 0 || recv(socket_.get(), &answer, sizeof answer, MSG_DONTWAIT) != static_cast<ssize_t>(sizeof answer)) {
            kill(pid_, SIGCONT);  // stopped with the group, and we alone were continued
            return false;
        }
        if (answer.number == question.number) return answer.value == sender;
    }
}

}  // namespace undercoat::instrument
