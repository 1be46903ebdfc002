// Writes lines to a descriptor without ever making the caller wait for long.
//
// append() collects lines; commit() hands them to a thread of its own and waits for it, but no longer than the deadline, and
// not at all for a reader that takes nothing: a slow or full disk delays the lines, not the caller. What does not fit within
// the bound is dropped, whole lines only, and counted. Must stay true: lines come out in the order of append(), each once;
// an error is reported once until writing works again; nothing but a regular file is written to before it is ready to take
// the piece, and a pipe gets pieces that it takes whole (PIPE_BUF), so that a kill -9 leaves half a line only of longer ones.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace undercoat::outputs {

class LineSink {
public:
    using Warn = std::function<void(const std::string&)>;
    struct Limits {
        size_t bytes = 32 * 1024 * 1024;  // waiting to be written
        std::chrono::milliseconds wait{250};
    };

    // Words that outlive this process. Null ones are left alone.
    struct Progress {
        uint64_t* written = nullptr;  // raised by the bytes that have been written, right after they were
        uint32_t* torn = nullptr;     // 1 while a death could leave half a line where nobody cuts it off
    };

    // `name` is for messages. Writes to fd, which it owns if `owns`.
    LineSink(int fd, bool owns, std::string name, Warn warn, Limits limits);
    LineSink(int fd, bool owns, std::string name, Warn warn) : LineSink(fd, owns, std::move(name), std::move(warn), Limits{}) {}
    // Writes what is left, at most for a second; what is left then is said.
    ~LineSink();
    LineSink(const LineSink&) = delete;
    LineSink& operator=(const LineSink&) = delete;

    // The line ends in "\n". False: there is no room for it; it is dropped and counted.
    bool append(std::string_view line);
    // True when everything appended so far has been written.
    bool commit();
    // Bytes of the lines that append() took, and how many of those have been written.
    uint64_t appended() const { return appended_; }
    uint64_t written() const { return written_.load(std::memory_order_acquire); }
    // Before the first append().
    void report_progress(Progress p) { progress_ = p; }
    // Whether half a line that a death left would stay: all but a file that open_for_lines() opens again.
    bool keeps_torn_lines() const;
    // Goes on with another descriptor (the file was moved away). Lines that wait are written to the new one.
    void replace(int fd);

    uint64_t lines_dropped() const { return dropped_; }
    uint64_t write_errors() const;

private:
    enum class Kind : uint8_t { file, pipe, other };  // file: regular, and ours
    struct Target {
        int fd;
        Kind kind;
    };
    static Target target_of(int fd, bool owned);
    void run();
    // Writes from `text`; returns how much was written before an error. EAGAIN: the end has come or another descriptor.
    // Called without the lock.
    size_t write_some(Target to, std::string_view text, int* error);
    bool wait_ready(Target to);
    void note_written(size_t bytes, bool line_ended);
    void set_torn(bool torn);
    bool wait_written(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds limit);
    void warn_of_drops();

    const std::string name_;
    const Warn warn_;
    const Limits limits_;
    std::string front_;        // of the caller, as all up to drop_reported_
    uint64_t appended_ = 0;
    uint64_t dropped_ = 0;
    std::optional<uint64_t> stalled_at_;  // written_ during the last wait, if that was in vain
    bool drop_reported_ = false;
    std::atomic<uint64_t> written_{0};
    Progress progress_;

    mutable std::mutex mutex_;
    std::condition_variable work_, done_;
    UniqueFd owned_;
    std::vector<UniqueFd> retired_;  // replaced while the thread was writing to it
    Target target_;
    std::string pending_;      // handed over, not yet taken by the thread
    bool writing_ = false;
    bool line_open_ = false;   // of the thread: the last byte written ended no line
    bool failing_ = false;
    bool stop_ = false;
    uint64_t errors_ = 0;
    std::thread thread_;
};

// A file that lines are appended to. An incomplete last line, left by a writer that was killed, is cut off.
Result<UniqueFd> open_for_lines(const std::string& path);

}  // namespace undercoat::outputs
