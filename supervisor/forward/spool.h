// Alerts that wait to be sent and acknowledged: in files of a directory, or in memory where none can be written.
//
// Each priority is a stream with numbers of its own, kept in segments. Must stay true: bounded; when it is full the oldest
// segment of the least severe stream goes first, and what was in it is counted; an alert leaves it otherwise only when its
// number is acknowledged; what a dead process left in files is sent again under the numbers it had. One thread at a time.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"
#include "wire/remote/messages.h"

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>

namespace undercoat::forward {

using remote::kStreams;

struct SpoolLimits {
    size_t bytes = 64 << 20;
    size_t segment = 256 << 10;
    size_t memory = 64 << 20;  // of `bytes`, what may lie in memory: without a directory, or while its disk is full
};

// What is sent in one batch.
struct Chunk {
    uint64_t epoch = 0;
    uint32_t stream = 0;
    uint64_t first = 0, last = 0;  // numbers of its alerts
    size_t count = 0;
    std::string alerts;   // as remote::Codec::encode_batch takes them
};

class Spool {
public:
    struct Counters {
        uint64_t added = 0, acknowledged = 0;
        std::array<uint64_t, kStreams> dropped{};  // by severity
        uint64_t write_errors = 0, damaged = 0;    // damaged: alerts, or whole files, that lie there and cannot be read
        uint64_t waiting = 0, bytes = 0;
    };

    // An empty directory name: memory. Reads what lies there.
    Spool(std::string directory, SpoolLimits limits, uint64_t epoch);
    ~Spool();  // removes files that hold nothing any more

    bool in_memory() const { return directory_.empty(); }
    // Numbers the alert and keeps it. `key`: see outputs::TappedAlert.
    void add(remote::Alert alert, uint64_t key);
    // Keys that a dead process left.
    const std::unordered_set<uint64_t>& known_keys() const { return known_keys_; }
    // What is to be sent next, severe alerts first; at most about `bytes`.
    std::optional<Chunk> next(size_t bytes);
    // The chunk cannot be sent, ever: its alerts are counted as damaged.
    void abandon(const Chunk& chunk);
    void acknowledged(uint64_t epoch, uint32_t stream, uint64_t number);
    // Everything that is not acknowledged is to be sent again.
    void rewind();
    const Counters& counters() const { return counters_; }

private:
    struct Segment {
        uint64_t epoch = 0, first = 0, last = 0;  // numbers; last < first: empty
        uint64_t acknowledged = 0, sent = 0;      // numbers up to which; 0: none
        size_t size = 0, sent_bytes = 0;
        std::string path, data;                   // path empty: in memory
        UniqueFd fd;
        bool closed = false;                      // nothing is added any more
        std::set<uint64_t> lost;                  // numbers that cannot be read; counted, and waited for no more
        uint64_t unacknowledged() const {
            if (last < first) return 0;
            const uint64_t upto = std::max(acknowledged, first - 1);
            return last - upto - static_cast<uint64_t>(std::distance(lost.upper_bound(upto), lost.end()));
        }
    };
    using Stream = std::deque<Segment>;

    void read_directory();
    void give_up(Segment& segment, uint64_t number);
    size_t in_memory_bytes() const;
    std::optional<Segment> read_segment(const std::string& name, unsigned& stream);
    Segment& open_segment(unsigned stream);
    void write(Segment& segment, const std::string& record);
    void make_room();
    void remove(unsigned stream, size_t index);
    bool read_at(const Segment& segment, size_t offset, size_t size, std::string& out) const;

    std::string directory_;
    const SpoolLimits limits_;
    const uint64_t epoch_;
    std::array<Stream, kStreams> streams_;
    std::array<uint64_t, kStreams> numbers_{};
    std::unordered_set<uint64_t> known_keys_;
    Counters counters_;
};

// The directory to use: the given one, else the first of the usual ones that can be made and is not in use, locked by
// `lock` for as long as it is open. Empty: none; then memory.
std::string choose_directory(const std::string& given, UniqueFd& lock);
// Takes files over that dead processes left in directories beside the chosen one (DIRECTORY-2 …), where nobody would send them.
void adopt_siblings(const std::string& directory);

}  // namespace undercoat::forward
