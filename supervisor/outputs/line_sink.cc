// The writing thread, see line_sink.h.
#include "supervisor/outputs/line_sink.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace undercoat::outputs {

// A caller that does not commit for long hands over anyway.
constexpr size_t kHandOver = 1024 * 1024;
// Of a file, in one write: what a kill -9 in its middle makes come twice.
constexpr size_t kFilePiece = 64 * 1024;

namespace {

size_t lines_in(std::string_view text) { return static_cast<size_t>(std::count(text.begin(), text.end(), '\n')); }

// Whole lines if they fit.
size_t piece_of(std::string_view text, size_t most) {
    if (text.size() <= most) return text.size();
    const size_t end = text.rfind('\n', most - 1);
    return end == text.npos ? most : end + 1;
}

}  // namespace

LineSink::LineSink(int fd, bool owns, std::string name, Warn warn, Limits limits)
    : name_(std::move(name)), warn_(std::move(warn)), limits_(limits), owned_(owns ? fd : -1), target_(target_of(fd, owns)) {
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
    if (!pending_.empty())
        warn_(std::to_string(lines_in(pending_)) + " lines could not be written to " + name_ + " before the end");
}

LineSink::Target LineSink::target_of(int fd, bool owned) {
    struct stat s;
    if (::fstat(fd, &s) != 0) return {fd, Kind::other};
    if (S_ISFIFO(s.st_mode)) return {fd, Kind::pipe};
    return {fd, owned && S_ISREG(s.st_mode) ? Kind::file : Kind::other};
}

bool LineSink::keeps_torn_lines() const {
    std::lock_guard lock(mutex_);
    return target_.kind != Kind::file;
}

bool LineSink::append(std::string_view line) {
    if (appended_ - written() + line.size() > limits_.bytes) {
        ++dropped_;
        warn_of_drops();
        return false;
    }
    front_.append(line);
    appended_ += line.size();
    if (front_.size() >= kHandOver) commit();
    return true;
}

void LineSink::warn_of_drops() {
    if (!drop_reported_)
        warn_("cannot write " + name_ + " fast enough: lines are dropped and counted until there is room again");
    drop_reported_ = true;
}

bool LineSink::commit() {
    std::unique_lock lock(mutex_);
    if (!front_.empty()) {
        pending_ += front_;
        front_.clear();
        work_.notify_one();
    }
    // While writing fails, or nothing is taken, the next turn looks again; waiting each time would slow the drain down for
    // nothing.
    const uint64_t before = written();
    const bool in_vain = failing_ || stalled_at_ == before;
    if (!wait_written(lock, in_vain ? std::chrono::milliseconds(0) : limits_.wait)) {
        if (written() == before) stalled_at_ = before;
        else stalled_at_.reset();
        return false;
    }
    stalled_at_.reset();
    drop_reported_ = false;
    return true;
}

bool LineSink::wait_written(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds limit) {
    return done_.wait_for(lock, limit, [this] { return pending_.empty() && !writing_; });
}

void LineSink::replace(int fd) {
    std::unique_lock lock(mutex_);
    wait_written(lock, limits_.wait);
    // Its number must not be given to another file while the thread may still write to it.
    if (writing_ && owned_) retired_.push_back(std::move(owned_));
    target_ = target_of(fd, true);
    owned_ = UniqueFd(fd);
}

uint64_t LineSink::write_errors() const {
    std::lock_guard lock(mutex_);
    return errors_;
}

void LineSink::set_torn(bool torn) {
    if (progress_.torn) __atomic_store_n(progress_.torn, torn ? 1u : 0u, __ATOMIC_SEQ_CST);
}

void LineSink::note_written(size_t bytes, bool line_ended) {
    if (progress_.written) __atomic_fetch_add(progress_.written, bytes, __ATOMIC_SEQ_CST);
    written_.fetch_add(bytes, std::memory_order_release);
    line_open_ = !line_ended;
    if (line_ended) set_torn(false);
}

// False if the wait was given up: the end has come, or another descriptor.
bool LineSink::wait_ready(Target to) {
    for (;;) {
        pollfd p{to.fd, POLLOUT, 0};
        const int n = to.kind == Kind::file ? 1 : ::poll(&p, 1, 100);
        if (n > 0) return true;
        std::lock_guard lock(mutex_);
        if (stop_ || target_.fd != to.fd) return false;
    }
}

size_t LineSink::write_some(Target to, std::string_view text, int* error) {
    size_t done = 0;
    *error = 0;
    while (done < text.size()) {
        if (!wait_ready(to)) {
            *error = EAGAIN;
            return done;
        }
        const std::string_view rest = text.substr(done);
        const std::string_view piece = rest.substr(0, piece_of(rest, to.kind == Kind::file ? kFilePiece : PIPE_BUF));
        // A file's half line is cut off by whoever opens it next; a pipe takes a piece whole.
        if (to.kind == Kind::other || (to.kind == Kind::pipe && piece.back() != '\n')) set_torn(true);
        const ssize_t n = ::write(to.fd, piece.data(), piece.size());
        if (n > 0) {
            done += static_cast<size_t>(n);
            note_written(static_cast<size_t>(n), text[done - 1] == '\n');
            continue;
        }
        if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) continue;
        set_torn(line_open_);
        *error = n < 0 ? errno : EIO;
        return done;
    }
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
        const Target to = target_;
        lock.unlock();
        int error = 0;
        const size_t written = write_some(to, chunk, &error);
        lock.lock();
        writing_ = false;
        retired_.clear();
        chunk.erase(0, written);
        pending_.insert(0, chunk);  // in order, before what came meanwhile
        if (error == EAGAIN) {
            if (stop_) return;
            continue;
        }
        if (error == 0) {
            if (failing_) warn_("writing " + name_ + " works again");
            failing_ = false;
            done_.notify_all();
            continue;
        }
        ++errors_;
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
