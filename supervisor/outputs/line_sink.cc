// The writing thread, see line_sink.h.
#include "supervisor/outputs/line_sink.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace undercoat::outputs {

// A caller that does not commit for long hands over anyway.
constexpr size_t kHandOver = 1024 * 1024;

LineSink::LineSink(int fd, bool owns, std::string name, Warn warn, Limits limits)
    : name_(std::move(name)), warn_(std::move(warn)), limits_(limits), owned_(owns ? fd : -1), fd_(fd) {
    thread_ = std::thread([this] { run(); });
}

LineSink::~LineSink() {
    commit();
    {
        std::unique_lock lock(mutex_);
        wait_written(lock, std::chrono::milliseconds(1000));
        stop_ = true;
    }
    work_.notify_all();
    thread_.join();
}

void LineSink::append(std::string_view line) {
    if (front_.size() + line.size() > limits_.bytes) {
        ++dropped_;
        return;
    }
    front_.append(line);
    if (front_.size() >= kHandOver) commit();
}

bool LineSink::commit() {
    std::unique_lock lock(mutex_);
    if (!front_.empty()) {
        if (pending_.size() + front_.size() > limits_.bytes) {
            size_t lines = 0;
            for (char c : front_) lines += c == '\n';
            dropped_ += lines;
            front_.clear();
            if (!drop_reported_)
                warn_("cannot write " + name_ + " fast enough: lines are dropped and counted until there is room again");
            drop_reported_ = true;
        } else {
            pending_ += front_;
            front_.clear();
            drop_reported_ = false;
            work_.notify_one();
        }
    }
    // While writing fails, the next turn looks again; waiting each time would slow the drain down for nothing.
    if (failing_) return pending_.empty() && !writing_;
    return wait_written(lock, limits_.wait);
}

bool LineSink::wait_written(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds limit) {
    return done_.wait_for(lock, limit, [this] { return pending_.empty() && !writing_; });
}

void LineSink::replace(int fd) {
    std::unique_lock lock(mutex_);
    wait_written(lock, limits_.wait);
    fd_ = fd;
    owned_.reset(fd);
}

uint64_t LineSink::write_errors() const {
    std::lock_guard lock(mutex_);
    return errors_;
}

size_t LineSink::write_some(int fd, std::string_view text, int* error) {
    size_t done = 0;
    while (done < text.size()) {
        const ssize_t n = ::write(fd, text.data() + done, text.size() - done);
        if (n > 0) {
            done += static_cast<size_t>(n);
            if (progress_) __atomic_fetch_add(progress_, static_cast<uint64_t>(n), __ATOMIC_RELEASE);
            continue;
        }
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            pollfd p{fd, POLLOUT, 0};
            if (::poll(&p, 1, 100) >= 0) {
                std::lock_guard lock(mutex_);
                if (!stop_) continue;
            }
        }
        *error = n < 0 ? errno : EIO;
        return done;
    }
    *error = 0;
    return done;
}

void LineSink::run() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);  // a closed pipe is an error here, not a signal for the process
    std::string chunk;
    std::unique_lock lock(mutex_);
    for (;;) {
        work_.wait(lock, [this] { return stop_ || !pending_.empty(); });
        if (pending_.empty()) return;
        if (stop_ && failing_) return;
        chunk.swap(pending_);
        pending_.clear();
        writing_ = true;
        const int fd = fd_;
        lock.unlock();
        int error = 0;
        const size_t written = write_some(fd, chunk, &error);
        lock.lock();
        writing_ = false;
        chunk.erase(0, written);
        if (error == 0) {
            if (failing_) warn_("writing " + name_ + " works again");
            failing_ = false;
            done_.notify_all();
            continue;
        }
        ++errors_;
        pending_.insert(0, chunk);  // in order, before what came meanwhile
        if (!failing_)
            warn_("cannot write " + name_ + ": " + std::strerror(error) + "; lines wait in memory, make room or fix the path");
        failing_ = true;
        done_.notify_all();
        work_.wait_for(lock, std::chrono::milliseconds(500), [this] { return stop_; });
    }
}

Result<UniqueFd> open_for_lines(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640));
    const bool readable = static_cast<bool>(fd);
    if (!fd) fd.reset(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY));  // a pipe, or write-only
    if (!fd) return Error{"cannot open " + path + " for writing: " + std::strerror(errno) + "."};
    struct stat s;
    if (!readable || ::fstat(fd.get(), &s) != 0 || !S_ISREG(s.st_mode) || s.st_size == 0) return fd;
    off_t end = s.st_size;
    char buffer[4096];
    while (end > 0) {
        const off_t from = end > static_cast<off_t>(sizeof buffer) ? end - static_cast<off_t>(sizeof buffer) : 0;
        const ssize_t n = ::pread(fd.get(), buffer, static_cast<size_t>(end - from), from);
        if (n <= 0) return fd;
        const void* newline = ::memrchr(buffer, '\n', static_cast<size_t>(n));
        if (newline) {
            end = from + (static_cast<const char*>(newline) - buffer) + 1;
            break;
        }
        end = from;
    }
    if (end != s.st_size && ::ftruncate(fd.get(), end) != 0)
        return Error{"cannot cut the incomplete last line off " + path + ": " + std::strerror(errno) + "."};
    return fd;
}

}  // namespace undercoat::outputs
