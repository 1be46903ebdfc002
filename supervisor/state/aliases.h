// Other names of directories, learnt from the workload's own calls: what it renamed and what it linked to.
//
// A descriptor shows the name by which it was opened (FALCO_SPEC 4.2); /proc shows what the kernel calls the file now. Looking at
// the file system tells whether both are one directory, unless it is gone or renamed by then; what the calls said stays true.
// A descriptor may be stale: its number may stand for another file by now. What happened to its name after it was opened must not
// excuse that, nor what was undone before: a link counts for names that were given while it stood, a rename for names given before it.
// Moments are the state's count of events. Must stay true: in doubt there is no other name; memory is bounded, the oldest names are
// forgotten first; nothing here touches the file system.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace undercoat::state {

class Aliases {
public:
    enum class Way : uint8_t { rename, link };
    // `from` (and what is below it) is found at `to` from here on. Both absolute and collapsed. `sure`: the call is known to have
    // succeeded; one that may have makes names doubtful, no more.
    void add(Way way, std::string from, std::string to, uint64_t at, bool sure = true);
    // What lay at `path` was removed, renamed or made anew, perhaps: links there and below are forgotten.
    void forget_links(std::string_view path);
    // Nothing is known: every name has itself alone.
    bool empty() const { return entries_.empty(); }
    // The name that was given at `since` itself and what it became or stands for, nearest first; at most kMostNames.
    std::vector<std::string> names_of(const std::string& name, uint64_t since) const;
    // Whether the name may lead elsewhere than at `since`: then the file system tells nothing of that moment.
    bool doubtful(std::string_view name, uint64_t since) const;

    static constexpr size_t kMostEntries = 256;
    static constexpr size_t kMostNames = 8;

private:
    struct Entry {
        Way way;
        bool sure;
        uint64_t at;
        std::string from, to;
    };
    std::deque<Entry> entries_;
    uint64_t forgotten_ = 0;  // the moment of the youngest entry that had no room any more
};

}  // namespace undercoat::state
