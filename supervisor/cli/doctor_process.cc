// `undercoat doctor --pid PID`: which of our means sees this process, and why not all of them do.
//
// Must stay true: everything is read of /proc, nothing of the process or of ours is touched; what cannot be known is said.
#include "supervisor/cli/commands.h"
#include "supervisor/coverage/look.h"
#include "supervisor/event/coverage.h"

#include <boost/json.hpp>

#include <algorithm>
#include <cstdio>
#include <dirent.h>
#include <iostream>
#include <sys/stat.h>
#include <unistd.h>

namespace undercoat::cli {
namespace {

using coverage::Held, coverage::Program;
using event::CoverageReason;

const std::string kProc = "/proc";
constexpr uint64_t kSysPtrace = uint64_t{1} << 19, kSetIds = uint64_t{1} << 6 | uint64_t{1} << 7;

std::string small_file(const std::string& path) {
    std::string s(64, 0);
    FILE* f = std::fopen(path.c_str(), "re");
    s.resize(f ? std::fread(s.data(), 1, s.size(), f) : 0);
    if (f) std::fclose(f);
    while (!s.empty() && s.back() == '\n') s.pop_back();
    return s;
}

std::string comm_of(int64_t pid) { return small_file(kProc + "/" + std::to_string(pid) + "/comm"); }

// The process that holds calls: it calls itself so, and its supervisor is its child.
struct Ours {
    int64_t instrument = 0, supervisor = 0;
};

// Of several that of which this process descends, as instrument's own parent started both.
bool started_by(int64_t pid, int64_t instrument) {
    const auto own = coverage::read_stat(kProc, instrument);
    for (int depth = 0; own && own->ppid > 1 && pid > 1 && depth < 4096; ++depth) {
        if (pid == own->ppid) return true;
        const auto stat = coverage::read_stat(kProc, pid);
        pid = stat ? stat->ppid : 0;
    }
    return false;
}

Ours find_ours(int64_t of) {
    Ours ours;
    DIR* d = ::opendir(kProc.c_str());
    while (const dirent* e = d ? ::readdir(d) : nullptr) {
        const int64_t pid = std::atoll(e->d_name);
        if (pid <= 0 || comm_of(pid) != "supervisor") continue;
        const auto stat = coverage::read_stat(kProc, pid);
        if (!stat || !stat->alive || comm_of(stat->ppid) != "undercoat") continue;
        if (ours.instrument == 0 || started_by(of, stat->ppid)) ours = {stat->ppid, pid};
    }
    if (d) ::closedir(d);
    return ours;
}

// nullopt: its descriptors are closed to us.
std::optional<bool> holds_listener(int64_t pid) {
    const std::string directory = kProc + "/" + std::to_string(pid) + "/fd";
    DIR* d = ::opendir(directory.c_str());
    if (!d) return std::nullopt;
    bool found = false;
    while (const dirent* e = ::readdir(d)) {
        char link[64] = {};
        if (::readlink((directory + "/" + e->d_name).c_str(), link, sizeof link - 1) > 0)
            found |= std::string_view(link).find("seccomp notify") != std::string_view::npos;
    }
    ::closedir(d);
    return found;
}

// Whether instrument can read its memory, from what both are. See instrument/reach.h.
CoverageReason memory_closed(int64_t pid, const Held& it, const Held& ours) {
    if (ours.permitted & kSysPtrace) return CoverageReason::none;
    const auto uniform = [](const uint32_t (&ids)[3]) { return ids[0] == ids[1] && ids[1] == ids[2]; };
    const bool same = it.uid[0] == ours.uid[0] && it.gid[0] == ours.gid[0];
    const bool becomes = ours.uid[1] == 0 && (ours.permitted & kSetIds) == kSetIds;
    struct stat st;
    const bool seen = ::stat((kProc + "/" + std::to_string(pid)).c_str(), &st) == 0;
    const bool dumpable = seen && st.st_uid == it.uid[1] && st.st_gid == it.gid[1];
    if (!uniform(it.uid) || !uniform(it.gid) || !(same || becomes) || !dumpable || it.permitted & ~ours.permitted)
        return CoverageReason::unreadable;
    const std::string yama = small_file("/proc/sys/kernel/yama/ptrace_scope");
    return !yama.empty() && yama[0] != '0' ? CoverageReason::yama : CoverageReason::none;
}

struct Line {
    std::string name, found;
};
struct Report {
    std::vector<Line> lines;
    std::vector<CoverageReason> reasons;
    std::string by = "nothing";  // "trap and library", "trap", "library", "nothing"
    void add(std::string name, std::string found) { lines.push_back({std::move(name), std::move(found)}); }
};

std::string yes(std::optional<bool> b, const char* when, const char* otherwise, const char* unknown = "cannot be told from here") {
    return !b ? unknown : *b ? when : otherwise;
}

bool is_held(Report& r, const Ours& ours, const Held& it) {
    if (it.tracer != 0) r.add("tracer", std::to_string(it.tracer) + (it.tracer == ours.instrument ? ", ours" : ", not ours"));
    if (ours.instrument != 0 && it.tracer == ours.instrument) return true;
    const auto outside = coverage::read_held(kProc, ours.instrument);
    std::optional<bool> filtered;
    if (outside) filtered = coverage::has_filter_beyond(it, *outside);
    r.add("filter", it.filters < 0 ? "seccomp mode " + std::to_string(it.seccomp)
                                   : std::to_string(it.filters) + " filters, " + (outside ? std::to_string(outside->filters) : "?") +
                                         " of them not ours");
    const auto listener = holds_listener(ours.instrument);
    r.add("listener", yes(listener, "held by instrument", "instrument holds none", "cannot be told: instrument is closed to looks"));
    if (filtered == true && outside && it.filters > outside->filters + 1) r.reasons.push_back(CoverageReason::own_filter);
    return filtered == true && listener != false;
}

CoverageReason why_no_library(int64_t pid, const Held& it, std::optional<Program> program, const Ours& ours) {
    if (program == Program::fixed) return CoverageReason::static_program;
    if (program == Program::i386) return CoverageReason::foreign_abi;
    if (coverage::read_secure(kProc, pid).value_or(it.alters_ids())) return CoverageReason::secure_exec;
    if (coverage::same_link(kProc, pid, ours.supervisor, "root") == false) return CoverageReason::other_root;
    return CoverageReason::library_missing;
}

Report examine(int64_t pid, const Held& it) {
    Report r;
    const Ours ours = find_ours(pid);
    r.add("program", coverage::exe_of(kProc, pid));
    r.add("instrument", ours.instrument == 0 ? "none runs here" : "process " + std::to_string(ours.instrument));
    const bool held = ours.instrument != 0 && is_held(r, ours, it);
    const auto program = coverage::read_program(kProc, pid);
    const auto mapped = coverage::read_mapped(kProc, pid);
    r.add("library", !mapped ? "cannot be told: its maps are closed to us" : mapped->library ? "loaded" : "not loaded");
    if (mapped && mapped->library)
        r.add("ring", mapped->ring ? mapped->gadget ? "mapped, and the gadget page" : "mapped, no gadget page"
                                   : "none yet: a process asks for one when it has made some calls");
    const bool speaks = mapped && mapped->library;
    r.by = held ? speaks ? "trap and library" : "trap" : speaks ? "library" : "nothing";
    if (ours.instrument == 0) r.by = "nothing";
    if (!held && speaks) r.reasons.push_back(CoverageReason::no_filter);
    if (mapped && !speaks) r.reasons.push_back(why_no_library(pid, it, program, ours));
    if (!held && !speaks && r.reasons.empty()) r.reasons.push_back(CoverageReason::no_filter);
    if (const auto outside = coverage::read_held(kProc, ours.instrument); held && outside) {
        const CoverageReason closed = memory_closed(pid, it, *outside);
        r.add("memory", closed == CoverageReason::none ? "open to instrument" : "closed to instrument");
        if (closed != CoverageReason::none) r.reasons.push_back(closed);
    }
    return r;
}

bool is_whole(const Report& r) {
    return r.by.starts_with("trap") && std::all_of(r.reasons.begin(), r.reasons.end(), [](CoverageReason c) {
               return c == CoverageReason::static_program || c == CoverageReason::foreign_abi || c == CoverageReason::secure_exec ||
                      c == CoverageReason::other_root || c == CoverageReason::library_missing;
           });
}

void print_text(int64_t pid, const Report& r) {
    std::printf("process %lld is seen by: %s\n", static_cast<long long>(pid), r.by.c_str());
    for (const Line& l : r.lines) std::printf("%-11s %s\n", l.name.c_str(), l.found.c_str());
    for (const CoverageReason c : r.reasons) {
        std::printf("%-11s %s\n", event::words(c).name, event::words(c).meaning);
        if (*event::words(c).advice) std::printf("%-11s -> %s\n", "", event::words(c).advice);
    }
    std::printf("\n%s\n", is_whole(r) ? "Every call of it is seen." : "Not every call of it is seen, or not with its arguments.");
}

void print_json(int64_t pid, const Report& r) {
    boost::json::object facts;
    for (const Line& l : r.lines) facts[l.name] = l.found;
    boost::json::array reasons;
    for (const CoverageReason c : r.reasons)
        reasons.push_back({{"reason", event::words(c).name}, {"meaning", event::words(c).meaning}, {"advice", event::words(c).advice}});
    std::cout << boost::json::object{{"pid", pid}, {"by", r.by}, {"whole", is_whole(r)}, {"facts", std::move(facts)},
                                     {"reasons", std::move(reasons)}}
              << "\n";
}

}  // namespace

int doctor_of_process(int64_t pid, bool json) {
    const auto held = coverage::read_held(kProc, pid);
    if (!held) {
        std::fprintf(stderr, "undercoat: there is no process %lld here.\n", static_cast<long long>(pid));
        return 2;
    }
    const Report r = examine(pid, *held);
    if (json) print_json(pid, r);
    else print_text(pid, r);
    return is_whole(r) ? 0 : 1;
}

}  // namespace undercoat::cli
