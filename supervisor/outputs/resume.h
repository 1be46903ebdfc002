// What the event log already holds, so that a restarted supervisor writes no event twice.
//
// After a kill -9 the rings give again what had not been acknowledged; part of it may have been written. Each line has a key;
// the keys of the last lines are read at the start, with how often each occurs. Must stay true: only a supervisor that
// takes over from a dead one of the same run uses this; a new run may append the same ids to the same file. Times are compared
// coarsely: two supervisors read the time stamp counter by calibrations of their own, some microseconds apart.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace undercoat::outputs {

class WrittenLines {
public:
    // The key of a line, or "" for a line that is none of ours.
    using KeyOf = std::function<std::string(std::string_view line)>;

    WrittenLines() = default;
    // Reads at most `bytes` from the end of the file. fd must be readable; nothing is known otherwise.
    static WrittenLines read(int fd, size_t bytes, const KeyOf& key_of);

    // True, once for each occurrence, if a line of this key is in the file.
    bool take(const std::string& key);
    bool empty() const { return count_.empty(); }

private:
    std::unordered_map<std::string, unsigned> count_;
};

// The key of a line of the event log: its id and second.
std::string event_line_key(std::string_view line);
// Takes the event's line, also when its time crossed a second's border between the two supervisors.
bool take_event(WrittenLines& written, std::string_view id, uint64_t ts);

}  // namespace undercoat::outputs
