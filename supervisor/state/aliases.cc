// See aliases.h.
#include "supervisor/state/aliases.h"

#include "supervisor/state/paths.h"

#include <algorithm>

namespace undercoat::state {
namespace {

bool below_or_same(std::string_view path, std::string_view dir) {
    return path.starts_with(dir) && (path.size() == dir.size() || path[dir.size()] == '/');
}

}  // namespace

void Aliases::add(std::string from, std::string to) {
    if (from.size() < 2 || from.front() != '/' || to.empty() || to.front() != '/' || from == to) return;
    if (from == kPathTooLong || to == kPathTooLong) return;  // these stand for many
    if (!entries_.empty() && entries_.back().from == from && entries_.back().to == to) return;
    if (entries_.size() >= kMostEntries) entries_.pop_front();
    entries_.push_back({std::move(from), std::move(to)});
}

std::vector<std::string> Aliases::names_of(const std::string& name) const {
    std::vector<std::string> names{name};
    for (size_t at = 0; at < names.size(); ++at) {
        for (auto e = entries_.rbegin(); e != entries_.rend() && names.size() < kMostNames; ++e) {
            if (!below_or_same(names[at], e->from)) continue;
            std::string other = file_name(e->to, std::string_view(names[at]).substr(std::min(names[at].size(), e->from.size() + 1)));
            if (std::find(names.begin(), names.end(), other) == names.end()) names.push_back(std::move(other));
        }
    }
    return names;
}

}  // namespace undercoat::state
