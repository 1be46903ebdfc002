// See delays.h.
#include "supervisor/instrument/tracer/delays.h"

#include <algorithm>
#include <fcntl.h>
#include <linux/audit.h>
#include <sched.h>
#include <string>
#include <unistd.h>

#include "base/unique_fd.h"
#include "supervisor/instrument/filter.h"

namespace undercoat::instrument {
namespace {

using wire::Call;

constexpr std::string_view kServedElsewhere[] = {"9p", "afs", "autofs", "ceph", "cifs", "coda", "glusterfs", "lustre", "ncpfs", "smb3"};
constexpr size_t kLongestMountinfo = 1 << 20;

bool served_elsewhere(std::string_view type) {
    return (type.starts_with("fuse") && type != "fusectl") || type.starts_with("nfs") ||
           std::find(std::begin(kServedElsewhere), std::end(kServedElsewhere), type) != std::end(kServedElsewhere);
}

}  // namespace

bool brings_delays(const Trap& t) {
    const bool native = t.arch == AUDIT_ARCH_X86_64;
    const uint16_t call = native ? captured_call(t.nr & ~kX32Bit) : captured_call_i386(t.nr);
    if (call == wire::kNoCall) return false;
    switch (static_cast<Call>(call)) {
        case Call::userfaultfd: case Call::mount: case Call::fsmount: case Call::fsopen: case Call::move_mount:
        case Call::open_tree: case Call::setns: return true;
        case Call::unshare: return t.args[0] & CLONE_NEWNS;
        default: return false;
    }
}

bool has_slow_mounts(std::string_view text) {
    constexpr std::string_view kSeparator = " - ";
    for (size_t at = text.find(kSeparator); at != text.npos; at = text.find(kSeparator, at)) {
        at += kSeparator.size();
        if (served_elsewhere(text.substr(at, text.find(' ', at) - at))) return true;
    }
    return false;
}

bool slow_mounts_here() {
    const UniqueFd fd(open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
    if (!fd) return true;
    std::string text;
    char part[4096];
    for (ssize_t n; (n = read(fd.get(), part, sizeof part)) > 0 && text.size() < kLongestMountinfo;)
        text.append(part, static_cast<size_t>(n));
    return text.empty() || text.size() >= kLongestMountinfo || has_slow_mounts(text);
}

}  // namespace undercoat::instrument
