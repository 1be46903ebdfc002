// See asker.h.
#include "supervisor/stack/asker.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

namespace undercoat::stack {
namespace {

uint64_t monotonic_ns() {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
}

std::string beside_us() {
    char self[4096];
    const ssize_t n = ::readlink("/proc/self/exe", self, sizeof self);
    if (n <= 0) return "";
    const std::string path(self, static_cast<size_t>(n));
    return path.substr(0, path.rfind('/') + 1) + "unwinder";
}

}  // namespace

bool Asker::start() {
    if (socket_) return true;
    const uint64_t now = monotonic_ns();
    if (now < may_start_) return false;
    may_start_ = now + kPause;
    if (program_.empty()) program_ = beside_us();
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return false;
    UniqueFd ours(ends[0]);
    const UniqueFd theirs(ends[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, theirs.get(), STDIN_FILENO);
    char* argv[] = {program_.data(), nullptr};
    char* none[] = {nullptr};
    const int error = ::posix_spawn(&pid_, program_.c_str(), &actions, nullptr, argv, none);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) return pid_ = -1, false;
    socket_ = std::move(ours);
    return true;
}

void Asker::stop() {
    socket_.reset();
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
}

bool Asker::ask(const event::Event& e, int64_t vpid) {
    if (!start()) return false;
    const event::Captured& c = e.captured;
    Question q{e.pid, static_cast<uint32_t>(vpid), static_cast<uint32_t>(c.stack.size()), static_cast<uint32_t>(c.code.size())};
    iovec parts[] = {{&q, sizeof q},
                     {const_cast<char*>(c.stack.data()), c.stack.size()},
                     {const_cast<char*>(c.code.data()), c.code.size()}};
    msghdr m{};
    m.msg_iov = parts;
    m.msg_iovlen = 3;
    if (::sendmsg(socket_.get(), &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return false;
    pollfd p{socket_.get(), POLLIN, 0};
    const uint64_t until = monotonic_ns() + kPatience * 1'000'000ull;
    int ready;
    while ((ready = ::poll(&p, 1, kPatience)) < 0 && errno == EINTR && monotonic_ns() < until) {
    }
    if (ready <= 0) return false;
    last_.resize(kMostAnswer);
    const ssize_t n = ::recv(socket_.get(), last_.data(), last_.size(), MSG_DONTWAIT);
    last_.resize(n > 0 ? static_cast<size_t>(n - 1) : 0);  // an answer ends in one byte more: an empty message is the end
    return n > 0;
}

const std::string& Asker::text(const event::Event& e, int64_t vpid) {
    if (last_ts_ == e.ts && last_id_ == e.id && last_ts_ != 0) return last_;
    last_id_ = e.id, last_ts_ = e.ts;
    last_.clear();
    if (e.captured.stack.empty() || ask(e, vpid)) return last_;
    ++failures_;
    last_.clear();
    stop();
    return last_;
}

}  // namespace undercoat::stack
