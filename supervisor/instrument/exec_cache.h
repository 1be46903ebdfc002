// Executables that were judged good lately, so that a program that is run again and again costs one stat per file it needs.
//
// Must stay true: a hit means that the same look-ups, with the same rights, lead to the same unchanged files as when they were
// looked into; what a stat cannot show (a mount that became noexec) is looked at anew every kTrustNs. The interpreters, whose
// absence the kernel tells and the next trap of the old image then shows, and the name of the file are believed for
// kBriefTrustNs. Failures are not kept.
// Thread-safe; memory is taken once.
#pragma once

#include <mutex>
#include <string_view>

#include "supervisor/instrument/view.h"
#include "wire/local/record.h"

namespace undercoat::instrument {

// A file in one state.
struct FileKey {
    uint64_t dev = 0, ino = 0, changed = 0;  // st_ctime, ns since the epoch
    int64_t size = 0;
    uint32_t mode = 0;
    bool operator==(const FileKey&) const = default;
    static FileKey of(const struct stat& st);
};

// The files that one execution needs, in the order in which they were looked at: the program, its interpreters.
struct ExecTrail {
    static constexpr unsigned kMaxSteps = 3;
    struct Step {
        char path[128];
        FileKey file;
    } steps[kMaxSteps];
    unsigned count = 0;
    bool complete = true;  // false: cannot be found again by paths alone, or is too long
    void add(const View& v, const char* path, const struct stat& st);
};

// What is known of the file that execve names.
struct ExecFile {
    bool known = false;
    bool keeps_rights = false;  // neither mode bits nor capabilities of the file change those of who executes it
    uint64_t changed = 0;       // st_ctime, ns
    wire::FileInfo info{};
    // Where it was judged in the cache, and what /proc/PID/exe says while that is what runs; empty: not known.
    uint64_t judged = 0;
    uint16_t place = 0, link_size = 0;
    char link[128] = {};
    std::string_view exe_link() const { return {link, link_size}; }
};

class ExecCache {
public:
    // True when `path` was judged good with these rights; `out` is what was put.
    bool find(const View& v, const char* path, ExecFile& out);
    // `trail`: of a good execution; its first step is the path as given.
    void put(const View& v, const ExecTrail& trail, ExecFile& file);
    // What the link of a process says that runs this file, unchanged.
    void learn_link(const ExecFile& file, std::string_view link);

private:
    static constexpr uint64_t kTrustNs = 1'000'000'000, kBriefTrustNs = 20'000'000;
    static constexpr size_t kEntries = 64;
    struct Entry {
        uint64_t judged = 0;   // monotonic ns, 0: empty
        uint64_t checked = 0;  // when the later steps were found unchanged last
        uint64_t linked = 0;   // when the link was read
        Credentials rights;
        ExecTrail trail;
        ExecFile file;
    };
    static size_t place(const char* path);
    std::mutex mutex_;
    Entry entries_[kEntries];
};

}  // namespace undercoat::instrument
