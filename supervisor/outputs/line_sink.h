// Writes lines to a descriptor without ever making the caller wait for long.
//
// append() collects lines; commit() hands them to a thread of its own and waits for it, but no longer than the deadline: a
// slow or full disk delays the lines, not the caller. What does not fit within the bound is dropped, whole lines only, and
// counted. Must stay true: lines come out in the order of append(), each at once or not at all; an error is reported once
// until writing works again.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace undercoat::outputs {

class LineSink {
public:
    using Warn = std::function<void(const std::string&)>;
    struct Limits {
        size_t bytes = 32 * 1024 * 1024;  // waiting to be written
        std::chrono::milliseconds wait{250};
    };

    // `name` is for messages. Writes to fd, which it owns if `owns`.
    LineSink(int fd, bool owns, std::string name, Warn warn, Limits limits);
    LineSink(int fd, bool owns, std::string name, Warn warn) : LineSink(fd, owns, std::move(name), std::move(warn), Limits{}) {}
    // Writes what is left, at most for a second.
    ~LineSink();
    LineSink(const LineSink&) = delete;
    LineSink& operator=(const LineSink&) = delete;

    // The line ends in "\n".
    void append(std::string_view line);
    // True when everything appended so far has been written.
    bool commit();
    // From now on *bytes is raised by what has been written, right after it was. Before the first append().
    void report_progress(uint64_t* bytes) { progress_ = bytes; }
    // Goes on with another descriptor (the file was moved away). Lines that wait are written to the new one.
    void replace(int fd);

    uint64_t lines_dropped() const { return dropped_; }
    uint64_t write_errors() const;

private:
    void run();
    // Writes from `text`; returns how much was written before an error. Called without the lock.
    size_t write_some(int fd, std::string_view text, int* error);
    bool wait_written(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds limit);

    const std::string name_;
    const Warn warn_;
    const Limits limits_;
    std::string front_;        // of the caller
    uint64_t dropped_ = 0;     // of the caller
    bool drop_reported_ = false;
    uint64_t* progress_ = nullptr;

    mutable std::mutex mutex_;
    std::condition_variable work_, done_;
    UniqueFd owned_;
    int fd_;
    std::string pending_;      // handed over, not yet taken by the thread
    bool writing_ = false;
    bool failing_ = false;
    bool stop_ = false;
    uint64_t errors_ = 0;
    std::thread thread_;
};

// A file that lines are appended to. An incomplete last line, left by a writer that was killed, is cut off.
Result<UniqueFd> open_for_lines(const std::string& path);

}  // namespace undercoat::outputs
