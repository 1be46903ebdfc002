// Other names of directories, learnt from the workload's own calls: what it renamed and what it linked to.
//
// A descriptor shows the name by which it was opened (FALCO_SPEC 4.2); /proc shows what the kernel calls the file now. Looking at
// the file system tells whether both are one directory, unless it is gone or renamed by then; what the calls said stays true.
// Must stay true: memory is bounded, the oldest names are forgotten first; nothing here touches the file system.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace undercoat::state {

class Aliases {
public:
    // `from` (and what is below it) is found at `to` from here on, by a rename or a symbolic link. Both absolute and collapsed.
    void add(std::string from, std::string to);
    // The name itself and what it became or stands for, nearest first; at most kMostNames.
    std::vector<std::string> names_of(const std::string& name) const;

    static constexpr size_t kMostEntries = 256;
    static constexpr size_t kMostNames = 8;

private:
    struct Entry {
        std::string from, to;
    };
    std::deque<Entry> entries_;
};

}  // namespace undercoat::state
