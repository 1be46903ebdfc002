// SHA-256 of executable files, for rules that look programs up in lists.
//
// Must stay true: the thread that asks waits at most kMostWait for one file and a tenth of its time in all, whatever the file, its
// file system or the program do; what is not known in time has no value, is counted, and is known when the same file is
// executed again. A hash is never given for another file than the one that was executed. Not thread-safe but for its own thread.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace undercoat::fields {

// The file behind an execution as the event tells it; 0: not known. Times are ns since the epoch.
struct ExecutedFile {
    int64_t pid = 0;
    std::string_view path;
    uint64_t ino = 0;
    uint64_t ctime = 0, mtime = 0;
};

class FileHashes {
public:
    static constexpr uint64_t kLargest = 128 << 20;  // bytes; larger files are refused
    static constexpr size_t kMostKept = 4096;
    static constexpr size_t kMostWaiting = 64;
    static constexpr std::chrono::milliseconds kMostWait{250};

    struct Counters {
        uint64_t hashed = 0;
        uint64_t late = 0;      // not known when it was asked for
        uint64_t refused = 0;   // too large, no regular file, not to be opened, or another file meanwhile
        uint64_t crowded = 0;   // too many files waited already
    };

    // `root` is put before /proc and before paths (tests).
    explicit FileHashes(std::string root = {});
    ~FileHashes();
    FileHashes(const FileHashes&) = delete;
    FileHashes& operator=(const FileHashes&) = delete;

    // 64 hexadecimal digits in lower case; "" where it is not known. Valid until the next call.
    std::string_view sha256(const ExecutedFile& file);
    Counters counters() const;

private:
    struct Shared;
    std::chrono::nanoseconds allowance();

    std::shared_ptr<Shared> shared_;  // the worker's, too, which may outlive us in a file system that does not answer
    std::chrono::steady_clock::time_point since_;
    std::chrono::nanoseconds saved_;  // what may be waited now
    bool started_ = false;
    std::string answer_;
};

}  // namespace undercoat::fields
