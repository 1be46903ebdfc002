// See exec_cache.h. Direct mapped by path.
#include "supervisor/instrument/exec_cache.h"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <string_view>

#include "supervisor/instrument/trap_ring.h"

namespace undercoat::instrument {
namespace {

// A file that changes twice within the kernel's tick has one ctime for both states: young ones are judged each time.
constexpr uint64_t kSettledNs = 100'000'000;

bool same_rights(const Credentials& a, const Credentials& b) {
    const uint32_t n = std::min(a.group_count, 32u);
    return a.fsuid == b.fsuid && a.fsgid == b.fsgid && a.effective == b.effective && a.group_count == b.group_count &&
           memcmp(a.groups, b.groups, n * sizeof *a.groups) == 0;
}

}  // namespace

FileKey FileKey::of(const struct stat& st) {
    const uint64_t changed =
        static_cast<uint64_t>(st.st_ctim.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(st.st_ctim.tv_nsec);
    return {st.st_dev, st.st_ino, changed, st.st_size, st.st_mode};
}

void ExecTrail::add(const View& v, const char* path, const struct stat& st) {
    const size_t n = strlen(path);
    if (count == kMaxSteps || n >= sizeof steps->path || !v.direct(path)) complete = false;
    if (!complete) return;
    memcpy(steps[count].path, path, n + 1);
    steps[count++].file = FileKey::of(st);
}

size_t ExecCache::place(const char* path) { return std::hash<std::string_view>{}(path) % kEntries; }

bool ExecCache::find(const View& v, const char* path, ExecFile& out) {
    if (!v.direct(path)) return false;
    ExecTrail trail;
    const uint64_t now = monotonic_ns();
    Entry& e = entries_[place(path)];
    {
        std::lock_guard guard(mutex_);
        if (e.judged == 0 || now > e.judged + kTrustNs || strcmp(e.trail.steps[0].path, path) != 0 ||
            !same_rights(e.rights, v.credentials()))
            return false;
        trail.count = now > e.checked + kBriefTrustNs ? e.trail.count : 1;
        std::copy_n(e.trail.steps, trail.count, trail.steps);
        out = e.file;
        if (now > e.linked + kBriefTrustNs) out.link_size = 0;
    }
    struct stat st;
    for (unsigned i = 0; i < trail.count; ++i)
        if (v.stat_direct(trail.steps[i].path, st) != 0 || FileKey::of(st) != trail.steps[i].file) return false;
    std::lock_guard guard(mutex_);
    if (trail.count > 1 && e.judged == out.judged) e.checked = now;
    return true;
}

void ExecCache::put(const View& v, const ExecTrail& trail, ExecFile& file) {
    if (!trail.complete || trail.count == 0 || v.credentials().group_count > 32) return;
    const uint64_t now = now_ns();
    for (unsigned i = 0; i < trail.count; ++i)
        if (trail.steps[i].file.changed + kSettledNs > now) return;
    std::lock_guard guard(mutex_);
    file.place = static_cast<uint16_t>(place(trail.steps[0].path));
    file.judged = monotonic_ns();
    Entry& e = entries_[file.place];
    e.judged = e.checked = file.judged;
    e.linked = 0;
    e.rights = v.credentials();
    e.trail = trail;
    e.file = file;
}

void ExecCache::learn_link(const ExecFile& file, std::string_view link) {
    if (file.judged == 0 || link.size() > sizeof file.link) return;
    std::lock_guard guard(mutex_);
    Entry& e = entries_[file.place];
    if (e.judged != file.judged) return;
    memcpy(e.file.link, link.data(), link.size());
    e.file.link_size = static_cast<uint16_t>(link.size());
    e.linked = monotonic_ns();
}

}  // namespace undercoat::instrument
