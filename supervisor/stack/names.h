// Names of functions: demangled, and those of code that was made at run time.
//
// Must stay true: any text may come in; what comes out is printable and at most kMostName bytes.
#pragma once

#include "supervisor/stack/open_file.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace undercoat::stack {

inline constexpr size_t kMostName = 160;

// "_ZN3foo3barEv" as "foo::bar()"; others as they are.
std::string demangled(const std::string& name);

// A perf map: lines "START SIZE NAME", numbers in hex. Of two for one place the later holds.
class PerfMap {
public:
    explicit PerfMap(std::string_view text);
    struct Place {
        std::string name;
        uint64_t offset;
    };
    std::optional<Place> find(uint64_t address) const;

private:
    struct Line {
        uint64_t start, end;
        std::string name;
    };
    std::vector<Line> lines_;  // in the order of the file
};

// /tmp/perf-VPID.map of each process, as it was when last looked at.
class PerfMaps {
public:
    const PerfMap* of(int64_t pid, uint32_t vpid);

private:
    struct Known {
        FileId id;
        PerfMap map;
    };
    std::map<int64_t, Known> known_;
};

}  // namespace undercoat::stack
