// See overlays.h.
#include "supervisor/instrument/overlays.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor/instrument/target.h"

namespace undercoat::instrument {
namespace {

// What lies beyond is not looked at, nor are lines that do not fit into one piece.
constexpr size_t kMostMountinfo = 128 * 1024, kPiece = 8 * 1024;

// Gives the mounts of `pid` to `take` in pieces of whole lines, until it says that it has seen enough.
template <class Take>
void read_mounts(pid_t pid, Take take) {
    const UniqueFd fd(open_proc(pid, "mountinfo", O_RDONLY));
    char piece[kPiece];
    size_t held = 0, all = 0;
    bool skips = false;
    while (fd && all < kMostMountinfo) {
        const ssize_t n = read(fd.get(), piece + held, sizeof piece - held);
        if (n <= 0) return;
        held += static_cast<size_t>(n), all += static_cast<size_t>(n);
        std::string_view text(piece, held);
        const size_t end = text.rfind('\n');
        if (end == text.npos) {
            if (held == sizeof piece) held = 0, skips = true;
            continue;
        }
        const std::string_view rest = text.substr(end + 1);
        text.remove_suffix(rest.size());
        if (skips) text.remove_prefix(text.find('\n') + 1);
        skips = false;
        if (take(text)) return;
        memmove(piece, rest.data(), rest.size());
        held = rest.size();
    }
}

#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x4000U  // Linux 6.8
#endif

// 0: the kernel does not say.
uint64_t mount_by_statx(int fd, unsigned which) {
    struct statx s {};
    return statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, which, &s) == 0 && s.stx_mask & which ? s.stx_mnt_id : 0;
}

uint64_t mount_id_of(int fd) {
    if (const uint64_t id = mount_by_statx(fd, STATX_MNT_ID)) return id;
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    const UniqueFd info(open(path, O_RDONLY | O_CLOEXEC));
    char text[512];
    const ssize_t n = info ? read(info.get(), text, sizeof text - 1) : 0;
    if (n <= 0) return 0;
    text[n] = 0;
    const char* at = strstr(text, "mnt_id:");
    return at ? strtoull(at + strlen("mnt_id:"), nullptr, 10) : 0;
}

// "36 35 98:0 /root /mount options shared:1 - type source options"
bool parse_line(std::string_view line, OverlayMount& out) {
    const size_t dash = line.find(" - ");
    if (dash == line.npos || !line.substr(dash + 3).starts_with("overlay ")) return false;
    uint64_t parent = 0, major = 0, minor = 0;
    const char* const end = line.data() + line.size();
    const auto number = [&](const char* at, uint64_t& to, char then) -> const char* {
        const auto [stop, wrong] = std::from_chars(at, end, to);
        return wrong == std::errc() && stop != end && *stop == then ? stop + 1 : end;
    };
    const char* at = number(line.data(), out.id, ' ');
    at = number(number(at, parent, ' '), major, ':');
    if (number(at, minor, ' ') == end) return false;
    out.device = major << 32 | minor;
    return true;
}

}  // namespace

bool next_overlay(std::string_view& mountinfo, OverlayMount& out) {
    while (!mountinfo.empty()) {
        const std::string_view line = mountinfo.substr(0, mountinfo.find('\n'));
        mountinfo.remove_prefix(std::min(mountinfo.size(), line.size() + 1));
        if (parse_line(line, out)) return true;
    }
    return false;
}

uint64_t Overlays::date(uint64_t device) {
    Known* const end = known_.data() + count_;
    const Known* const at = std::find_if(known_.data(), end, [&](const Known& k) { return k.device == device; });
    if (at != end) return at->began;
    if (count_ == known_.size()) return 0;
    const uint64_t began = earliest_;
    known_[count_++] = {device, began};
    if (calls_ != 0 && ++found_ == calls_) earliest_ = calls_ = found_ = 0;
    return began;
}

void Overlays::see(std::string_view mountinfo) {
    const std::lock_guard guard(mutex_);
    for (OverlayMount m; next_overlay(mountinfo, m);) date(m.device);
}

void Overlays::note_call(uint64_t now) {
    const std::lock_guard guard(mutex_);
    if (calls_++ == 0) earliest_ = now;
    newest_ = std::max(newest_.load(), now);
}

std::optional<uint64_t> Overlays::began(std::string_view mountinfo, uint64_t mount_id) {
    const std::lock_guard guard(mutex_);
    std::optional<uint64_t> found;
    for (OverlayMount m; next_overlay(mountinfo, m);) {
        const uint64_t began = date(m.device);
        if (m.id == mount_id) found = began;
    }
    return found;
}

Overlays& overlays() {
    static Overlays all;
    return all;
}

void note_overlay_mount(pid_t tid, bool look) {
    // Changes of files are stamped with a coarser clock, which is behind: what was made just before the mount is told apart by it.
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    const auto see = [](std::string_view mounts) { return overlays().see(mounts), false; };
    // What this process sees is the container's, whatever name space the caller has made for itself.
    if (!overlays().any()) read_mounts(getpid(), see);
    if (look) read_mounts(tid, see);
    overlays().note_call(static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec));
}

namespace {

// What is known of mounts by the number that the kernel gives to no other mount. The numbers in mountinfo are given again.
class SeenMounts {
public:
    std::optional<uint64_t> find(uint64_t mount) {
        const std::lock_guard guard(mutex_);
        for (const Seen& s : seen_)
            if (s.mount == mount) return s.began;
        return {};
    }
    void keep(uint64_t mount, uint64_t began) {
        const std::lock_guard guard(mutex_);
        seen_[next_++ % seen_.size()] = {mount, began};
    }

private:
    struct Seen {
        uint64_t mount, began;
    };
    std::mutex mutex_;
    std::array<Seen, 64> seen_{};
    size_t next_ = 0;
};

}  // namespace

uint64_t overlay_began(pid_t pid, int fd) {
    if (!overlays().any()) return 0;
    static SeenMounts seen;
    const uint64_t unique = mount_by_statx(fd, STATX_MNT_ID_UNIQUE);
    if (const auto began = unique != 0 ? seen.find(unique) : std::nullopt) return *began;
    const uint64_t id = mount_id_of(fd);
    std::optional<uint64_t> began;
    if (id != 0) read_mounts(pid, [&](std::string_view mounts) { return (began = overlays().began(mounts, id)).has_value(); });
    if (began && unique != 0) seen.keep(unique, *began);
    return began.value_or(0);
}

}  // namespace undercoat::instrument
