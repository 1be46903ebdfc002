// How far a stream of an agent has come, so that each number is taken once.
//
// Numbers of a stream come in order over one connection, but an agent may go from one relay to another while the first still
// holds what it has taken over: then later numbers come first. Must stay true: a number is taken once; numbers that were passed
// over are taken when they come after all, of the newest kMostGaps gaps.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace undercoat::collector {

// Agents choose their numbers: a sum of differences must not overflow.
constexpr int64_t saturating_add(int64_t a, int64_t b) {
    int64_t sum = 0;
    return __builtin_add_overflow(a, b, &sum) ? (b < 0 ? INT64_MIN : INT64_MAX) : sum;
}

struct StreamProgress {
    static constexpr size_t kMostGaps = 64;

    uint64_t number = 0;   // the highest that was taken
    int64_t seen_ns = 0;
    std::vector<std::pair<uint64_t, uint64_t>> gaps;  // first and last of what was passed over below it, rising

    // False: it was taken before, or given up. `missing` changes by how many more are missing, or fewer.
    bool take(uint64_t n, int64_t& missing) {
        if (n > number) {
            if (n > number + 1) {
                missing = saturating_add(missing, static_cast<int64_t>(std::min<uint64_t>(n - number - 1, INT64_MAX)));
                if (gaps.size() == kMostGaps) gaps.erase(gaps.begin());
                gaps.emplace_back(number + 1, n - 1);
            }
            number = n;
            return true;
        }
        const auto gap = std::find_if(gaps.begin(), gaps.end(), [n](const auto& g) { return n >= g.first && n <= g.second; });
        if (gap == gaps.end()) return false;
        missing = saturating_add(missing, -1);
        const auto [first, last] = *gap;
        if (n == first && n == last) gaps.erase(gap);
        else if (n == first) gap->first = n + 1;
        else if (n == last) gap->second = n - 1;
        else if (gaps.size() == kMostGaps) gap->first = n + 1;  // the older part is given up
        else gap->second = n - 1, gaps.insert(gap + 1, {n + 1, last});
        return true;
    }

    // "3-5,9-9", as stores keep them.
    std::string gaps_text() const {
        std::string out;
        for (const auto& [first, last] : gaps)
            out += (out.empty() ? "" : ",") + std::to_string(first) + "-" + std::to_string(last);
        return out;
    }
    void read_gaps(std::string_view text) {
        gaps.clear();
        for (const char *at = text.data(), *end = at + text.size(); at < end; ++at) {
            uint64_t first = 0, last = 0;
            const auto dash = std::from_chars(at, end, first);
            if (dash.ec != std::errc() || dash.ptr == end || *dash.ptr != '-') return;
            const auto comma = std::from_chars(dash.ptr + 1, end, last);
            if (comma.ec != std::errc() || first > last || gaps.size() == kMostGaps) return;
            gaps.emplace_back(first, last);
            at = comma.ptr;
        }
    }
};

}  // namespace undercoat::collector
