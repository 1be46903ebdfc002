// See counting.h.
#include "collector/store/counting.h"

#include "collector/query/words.h"

#include <algorithm>

namespace undercoat::collector {
namespace {

constexpr size_t kMaxValues = 10'000;  // distinct ones that are counted one by one

}  // namespace

std::optional<Counted> counted(const std::string& field) {
    if (field == "alert.rule") return Counted::rule;
    if (field == "alert.hostname") return Counted::host;
    if (field == "alert.tags") return Counted::tag;
    return std::nullopt;
}

bool about_all(const Search& s) { return !s.filter && words_of(s.words, 1).empty(); }

void ValueCounts::add(std::string value, uint64_t n) {
    if (const auto it = counts_.find(value); it != counts_.end()) it->second += n;
    else if (counts_.size() < kMaxValues) counts_.emplace(std::move(value), n);
    else beyond_ += n;
}

Top ValueCounts::most_frequent(size_t count) const {
    Top top;
    for (const auto& pair : counts_) top.values.push_back(pair);
    std::stable_sort(top.values.begin(), top.values.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    top.others = beyond_;
    for (size_t i = count; i < top.values.size(); ++i) top.others += top.values[i].second;
    if (top.values.size() > count) top.values.resize(count);
    return top;
}

}  // namespace undercoat::collector
