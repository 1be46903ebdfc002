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

void Aliases::add(Way way, std::string from, std::string to, uint64_t at, bool sure) {
    if (from.size() < 2 || from.front() != '/' || to.empty() || to.front() != '/' || from == to) return;
    if (from == kPathTooLong || to == kPathTooLong) return;  // these stand for many
    if (entries_.size() >= kMostEntries) forgotten_ = entries_.front().at, entries_.pop_front();
    entries_.push_back({way, sure, at, std::move(from), std::move(to)});
}

void Aliases::forget_links(std::string_view path) {
    std::erase_if(entries_, [&](const Entry& e) { return e.way == Way::link && below_or_same(e.from, path); });
}

std::vector<std::string> Aliases::names_of(const std::string& name, uint64_t since) const {
    std::vector<std::string> names{name};
    std::vector<uint64_t> renamed{0};  // when each got that name; a renamed file is where the kernel says, no link leads on
    for (size_t at = 0; at < names.size(); ++at) {
        for (auto e = entries_.rbegin(); e != entries_.rend() && names.size() < kMostNames; ++e) {
            const bool counts = e->way == Way::link ? e->at < since && renamed[at] == 0 : e->at > std::max(since, renamed[at]);
            if (!counts || !e->sure || !below_or_same(names[at], e->from)) continue;
            std::string other = file_name(e->to, std::string_view(names[at]).substr(std::min(names[at].size(), e->from.size() + 1)));
            if (other == kPathTooLong || std::find(names.begin(), names.end(), other) != names.end()) continue;
            names.push_back(std::move(other));
            renamed.push_back(e->way == Way::link ? 0 : e->at);
        }
    }
    return names;
}

bool Aliases::doubtful(std::string_view name, uint64_t since) const {
    if (forgotten_ > since) return true;
    return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& e) {
        return e.at > since && below_or_same(name, e.way == Way::link ? e.from : e.to);
    });
}

}  // namespace undercoat::state
