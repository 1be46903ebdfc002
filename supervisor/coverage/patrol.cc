// See patrol.h.
#include "supervisor/coverage/patrol.h"

#include "supervisor/coverage/look.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <dirent.h>
#include <map>
#include <sys/stat.h>

namespace undercoat::coverage {
namespace {

using event::CoverageLevel, event::CoverageReason;

constexpr uint64_t kInterval = 1'000'000'000;
constexpr size_t kMostTold = 65536;
constexpr ino_t kInitialPidNamespace = 0xEFFFFFFC;

uint64_t monotonic_ns() {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
}

std::map<int64_t, Stat> everybody(const std::string& proc) {
    std::map<int64_t, Stat> all;
    DIR* d = ::opendir(proc.c_str());
    if (d == nullptr) return all;
    while (const dirent* e = ::readdir(d)) {
        const int64_t pid = std::atoll(e->d_name);
        if (pid <= 0) continue;
        if (const auto s = read_stat(proc, pid); s && s->alive) all.emplace(pid, *s);
    }
    ::closedir(d);
    return all;
}

bool descends(const std::map<int64_t, Stat>& all, int64_t pid, int64_t from) {
    for (int depth = 0; pid > 0 && depth < 4096; ++depth) {
        if (pid == from) return true;
        const auto it = all.find(pid);
        pid = it == all.end() ? 0 : it->second.ppid;
    }
    return false;
}

// A pid name space of the container's own: whoever is in it, and sees our files, came into the container.
bool in_container(const std::string& proc) {
    struct stat st;
    return ::stat((proc + "/self/ns/pid").c_str(), &st) == 0 && st.st_ino != kInitialPidNamespace;
}

std::string directory_of(const std::string& path) { return path.substr(0, path.rfind('/') + 1); }

// Our own programs, what they start and what they were started by.
bool is_ours(const std::map<int64_t, Stat>& all, const Patrol::Place& p, int64_t pid, const std::string& directory) {
    if (descends(all, pid, p.instrument) || descends(all, pid, p.supervisor)) return true;
    if (pid != p.workload && descends(all, p.instrument, pid)) return true;  // an init, or our parent beside an application
    return !directory.empty() && exe_of(p.proc, pid).starts_with(directory);
}

CoverageReason why_not_loaded(const Patrol::Place& p, int64_t pid, const Held& held) {
    const auto program = read_program(p.proc, pid);
    if (program == Program::fixed) return CoverageReason::static_program;
    if (program == Program::i386) return CoverageReason::foreign_abi;
    if (read_secure(p.proc, pid).value_or(held.alters_ids())) return CoverageReason::secure_exec;
    if (same_link(p.proc, pid, p.supervisor, "root") == false) return CoverageReason::other_root;
    return CoverageReason::library_missing;
}

}  // namespace

std::vector<Finding> judge(const Patrol::Place& p, int64_t pid) {
    const auto held = read_held(p.proc, pid);
    const auto mapped = read_mapped(p.proc, pid);
    if (!held) return {};
    if (p.preload) {
        if (!mapped || mapped->library) return {};
        return {{pid, why_not_loaded(p, pid, *held), CoverageLevel::nothing}};
    }
    std::optional<bool> covered;
    if (p.traced) covered = held->tracer == p.instrument;
    else if (const auto outside = read_held(p.proc, p.supervisor)) covered = has_filter_beyond(*held, *outside);
    if (covered != false) return {};
    const bool speaks = mapped && mapped->library;
    return {{pid, CoverageReason::no_filter, speaks ? CoverageLevel::part : CoverageLevel::nothing}};
}

std::vector<Finding> Patrol::look(const Place& p, uint64_t now) {
    std::vector<Finding> found;
    if (now < next_) return found;
    const uint64_t begun = monotonic_ns();
    const auto all = everybody(p.proc);
    const bool contained = in_container(p.proc);
    const std::string directory = directory_of(exe_of(p.proc, p.supervisor));
    ++looks_;
    for (const auto& [pid, stat] : all) {
        const auto [it, is_new] = known_.try_emplace(pid, Known{stat.start_time, stat.start_stack, false, looks_});
        Known& k = it->second;
        const bool same = !is_new && k.start_time == stat.start_time && k.start_stack == stat.start_stack;
        if (!same) k = Known{stat.start_time, stat.start_stack, false, looks_};
        k.seen = looks_;
        if (!same || k.judged) continue;
        k.judged = true;
        const bool inside = descends(all, pid, p.workload) || (contained && same_link(p.proc, pid, p.supervisor, "ns/mnt") == true);
        if (!inside || is_ours(all, p, pid, directory)) continue;
        for (const Finding& f : judge(p, pid)) found.push_back(f);
    }
    std::erase_if(known_, [this](const auto& k) { return k.second.seen != looks_; });
    next_ = now + std::max(kInterval, 100 * (monotonic_ns() - begun));
    return found;
}

bool Book::note(int64_t pid, CoverageReason reason) {
    if (told_.size() >= kMostTold) told_.clear();
    uint32_t& told = told_[pid];
    const uint32_t bit = uint32_t{1} << static_cast<unsigned>(reason);
    if (told & bit) return false;
    told |= bit;
    return true;
}

}  // namespace undercoat::coverage
