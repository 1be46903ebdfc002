// See overlays.h.
#include "supervisor/instrument/overlays.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <string>
#include <unistd.h>

#include "supervisor/instrument/target.h"

namespace undercoat::instrument {
namespace {

// More mounts than fit are not looked at.
constexpr size_t kMostMountinfo = 128 * 1024;

std::string read_all(int fd) {
    std::string text(kMostMountinfo, '\0');
    size_t at = 0;
    while (at < text.size()) {
        const ssize_t n = read(fd, text.data() + at, text.size() - at);
        if (n <= 0) break;
        at += static_cast<size_t>(n);
    }
    text.resize(at);
    return text;
}

std::string mountinfo_of(pid_t pid) {
    const UniqueFd fd(open_proc(pid, "mountinfo", O_RDONLY));
    return fd ? read_all(fd.get()) : std::string();
}

uint64_t mount_id_of(int fd) {
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

const Overlays::Known* Overlays::find(uint64_t device) const {
    const Known* const end = known_.data() + count_;
    const Known* const at = std::find_if(known_.data(), end, [&](const Known& k) { return k.device == device; });
    return at == end ? nullptr : at;
}

bool Overlays::add(uint64_t device, uint64_t began) {
    if (find(device) || count_ == known_.size()) return false;
    known_[count_++] = {device, began};
    return true;
}

void Overlays::note_mount(std::string_view mountinfo, uint64_t now) {
    const std::lock_guard guard(mutex_);
    for (OverlayMount m; next_overlay(mountinfo, m);) add(m.device, last_);
    last_ = now;
}

uint64_t Overlays::began(std::string_view mountinfo, uint64_t mount_id) {
    for (OverlayMount m; next_overlay(mountinfo, m);) {
        if (m.id != mount_id) continue;
        const std::lock_guard guard(mutex_);
        add(m.device, last_);
        const Known* known = find(m.device);
        return known ? known->began : 0;
    }
    return 0;
}

Overlays& overlays() {
    static Overlays all;
    return all;
}

void note_overlay_mount(pid_t tid) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    // What this process sees is the container's, whatever name space the caller has made for itself.
    const std::string ours = overlays().any() ? std::string() : mountinfo_of(getpid());
    overlays().note_mount(ours + mountinfo_of(tid), static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec));
}

uint64_t overlay_began(pid_t pid, int fd) {
    if (!overlays().any()) return 0;
    const uint64_t id = mount_id_of(fd);
    return id == 0 ? 0 : overlays().began(mountinfo_of(pid), id);
}

}  // namespace undercoat::instrument
