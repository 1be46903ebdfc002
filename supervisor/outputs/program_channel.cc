// See program_channel.h.
#include "supervisor/outputs/program_channel.h"

#include "base/unique_fd.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace undercoat::outputs {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kPatience{5000};  // for taking one alert, and for ending after it

std::vector<char*> clean_environment() {
    std::vector<char*> out;
    for (char** e = environ; *e; ++e) {
        const std::string_view entry = *e;
        if (!entry.starts_with("LD_PRELOAD=") && !entry.starts_with("UNDERCOAT_")) out.push_back(*e);
    }
    out.push_back(nullptr);
    return out;
}

class ProgramChannel : public Channel {
public:
    explicit ProgramChannel(const ProgramSettings& settings) : settings_(settings) {}
    ~ProgramChannel() override { end(); }

    Delivery deliver(const Message& message) override {
        if (pid_ < 0) {
            const std::string problem = start();
            if (!problem.empty()) return Delivery::again(problem);
        }
        const int error = write_all(message.line);
        if (error == 0 && settings_.keep_alive) return Delivery::taken();
        const int status = end();
        if (error != 0)
            return Delivery::again("the program does not take its input: " + std::string(std::strerror(error)));
        // It had the alert; running it again would not undo what it did with it.
        if (status != 0) return Delivery::refused("the program failed with status " + std::to_string(status));
        return Delivery::taken();
    }
    void reopen() override { end(); }

private:
    std::string start() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) return std::string("no pipe: ") + std::strerror(errno);
        UniqueFd reading(ends[0]);
        input_.reset(ends[1]);
        ::fcntl(ends[1], F_SETFL, O_NONBLOCK);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, reading.get(), STDIN_FILENO);
        posix_spawnattr_t attributes;
        posix_spawnattr_init(&attributes);
        sigset_t all, none;
        sigfillset(&all), sigemptyset(&none);
        posix_spawnattr_setsigdefault(&attributes, &all);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setpgroup(&attributes, 0);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
        std::string words[] = {"sh", "-c", settings_.program};
        char* argv[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
        const int error = ::posix_spawn(&pid_, "/bin/sh", &actions, &attributes, argv, clean_environment().data());
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
        if (error == 0) return "";
        pid_ = -1;
        input_.reset();
        return std::string("cannot run /bin/sh: ") + std::strerror(error);
    }

    int write_all(std::string_view text) {
        const auto until = Clock::now() + kPatience;
        while (!text.empty()) {
            const ssize_t n = ::write(input_.get(), text.data(), text.size());
            if (n > 0) {
                text.remove_prefix(static_cast<size_t>(n));
                continue;
            }
            if (errno == EINTR) continue;
            if (errno != EAGAIN) return errno;
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
            if (left.count() <= 0) return ETIMEDOUT;
            pollfd p{input_.get(), POLLOUT, 0};
            ::poll(&p, 1, static_cast<int>(left.count()));
        }
        return 0;
    }

    // Closes the input and waits; kills what does not end. The exit status, 128 and the signal's number if it was
    // killed.
    int end() {
        if (pid_ < 0) return 0;
        input_.reset();
        int status = 0;
        const auto until = Clock::now() + kPatience;
        pid_t gone = 0;
        for (auto nap = std::chrono::microseconds(200);
             (gone = ::waitpid(pid_, &status, WNOHANG)) == 0 && Clock::now() < until;) {
            ::usleep(static_cast<useconds_t>(nap.count()));
            nap = std::min(nap * 2, std::chrono::microseconds(20'000));
        }
        if (gone == 0) {
            ::kill(-pid_, SIGKILL);
            ::waitpid(pid_, &status, 0);
        }
        pid_ = -1;
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }

    const ProgramSettings settings_;
    pid_t pid_ = -1;
    UniqueFd input_;
};

}  // namespace

std::unique_ptr<Channel> make_program_channel(const ProgramSettings& settings) {
    return std::make_unique<ProgramChannel>(settings);
}

}  // namespace undercoat::outputs
