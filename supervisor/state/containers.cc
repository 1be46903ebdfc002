// Container ids in cgroup paths.
#include "supervisor/state/containers.h"

#include <algorithm>

namespace undercoat::state {
namespace {

constexpr size_t kFullId = 64, kShortId = 12;

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

struct Named {
    std::string_view full_id, prefix;
};

// The last run of exactly 64 hexadecimal digits: engines name a container's cgroup by its id, some with a prefix.
Named id_in(std::string_view cgroups) {
    Named found;
    size_t run = 0;
    for (size_t i = 0; i <= cgroups.size(); ++i) {
        if (i < cgroups.size() && is_hex(cgroups[i])) {
            ++run;
            continue;
        }
        if (run == kFullId) {
            found.full_id = cgroups.substr(i - kFullId, kFullId);
            const std::string_view before = cgroups.substr(0, i - kFullId);
            found.prefix = before.substr(before.rfind('\0') + 1);
        }
        run = 0;
    }
    return found;
}

const char* type_by(std::string_view path) {
    static constexpr std::pair<std::string_view, const char*> kEngines[] = {
        {"cri-containerd-", "containerd"}, {"crio-", "cri-o"}, {"libpod", "podman"}, {"docker", "docker"}};
    for (const auto& [word, type] : kEngines)
        if (path.find(word) != path.npos) return type;
    return path.find("kubepods") != path.npos ? "cri" : "docker";
}

}  // namespace

std::string with_old_names(std::string_view cgroups) {
    std::string out;
    while (!cgroups.empty()) {
        const std::string_view one = cgroups.substr(0, cgroups.find('\0'));
        if (one.starts_with("io=")) out += "blk";
        out.append(one).push_back('\0');
        cgroups.remove_prefix(std::min(cgroups.size(), one.size() + 1));
    }
    return out;
}

Container* Containers::entry(const std::string& id) {
    auto it = known_.find(id);
    if (it == known_.end()) {
        if (known_.size() >= kMost) {
            ++refused_;
            return nullptr;
        }
        it = known_.emplace(id, std::make_shared<Container>()).first;
        it->second->id = id;
    }
    return it->second.get();
}

void Containers::learn(const Container& told) {
    if (told.id.empty()) return;
    const std::string id = told.id.substr(0, kShortId);
    Container* c = entry(id);
    if (c == nullptr) return;
    const std::string full = told.full_id.empty() ? c->full_id : told.full_id;
    *c = told;
    c->id = id;
    c->full_id = full;
}

std::shared_ptr<const Container> Containers::of_cgroups(std::string_view cgroups) {
    const Named named = id_in(cgroups);
    if (named.full_id.empty()) return nullptr;
    const std::string id(named.full_id.substr(0, kShortId));
    Container* c = entry(id);
    if (c == nullptr) return nullptr;
    if (c->full_id.empty()) c->full_id = named.full_id;
    if (c->type.empty()) c->type = type_by(named.prefix);
    return known_.find(id)->second;
}

std::shared_ptr<const Container> Containers::find(std::string_view id) const {
    const auto it = known_.find(id.substr(0, kShortId));
    return it == known_.end() ? nullptr : it->second;
}

}  // namespace undercoat::state
