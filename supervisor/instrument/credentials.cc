// See credentials.h. The raw system calls act on the calling thread; glibc's wrappers would change every thread.
#include "supervisor/instrument/credentials.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <grp.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "supervisor/instrument/reach.h"
#include "supervisor/instrument/target.h"

namespace undercoat::instrument {
namespace {

// What gives access to files beyond owner, group and mode.
constexpr uint64_t kFileCapabilities = 0x1f;

void ids(const char* text, const char* label, uint32_t* out) {
    const char* at = strstr(text, label);
    if (!at) return;
    char* end = const_cast<char*>(at + strlen(label));
    for (int i = 0; i < 4; ++i) out[i] = static_cast<uint32_t>(strtoul(end, &end, 10));
}

struct Own {
    uid_t uid = geteuid();
    gid_t gid = getegid();
    gid_t groups[64];
    int group_count = 0;
    uint64_t effective = 0;
    Own() {
        group_count = std::max(0, getgroups(64, groups));
        Credentials c;
        if (read_credentials(getpid(), c)) effective = c.effective;
    }
};

const Own& own() {
    static const Own o;
    return o;
}

void set_effective(uint64_t caps) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &header, data) != 0) return;
    data[0].effective = static_cast<uint32_t>(caps) & data[0].permitted;
    data[1].effective = static_cast<uint32_t>(caps >> 32) & data[1].permitted;
    syscall(SYS_capset, &header, data);
}

}  // namespace

bool Credentials::in_group(uint32_t g) const {
    return g == fsgid || std::find(groups, groups + std::min(group_count, 32u), g) != groups + std::min(group_count, 32u);
}

bool parse_credentials(const char* text, Credentials& c) {
    uint32_t u[4] = {}, g[4] = {};
    if (!strstr(text, "\nUid:")) return false;
    ids(text, "\nUid:", u);
    ids(text, "\nGid:", g);
    c.uid = u[0], c.euid = u[1], c.suid = u[2], c.fsuid = u[3];
    c.gid = g[0], c.egid = g[1], c.sgid = g[2], c.fsgid = g[3];
    if (const char* at = strstr(text, "\nCapEff:")) c.effective = strtoull(at + 8, nullptr, 16);
    c.group_count = 0;
    if (const char* at = strstr(text, "\nGroups:")) {
        for (at += 8; *at && *at != '\n';) {
            char* end = nullptr;
            const uint32_t v = static_cast<uint32_t>(strtoul(at, &end, 10));
            if (end == at) break;
            if (c.group_count < 32) c.groups[c.group_count] = v;
            if (c.group_count <= 32) ++c.group_count;
            at = end + strspn(end, " \t");
        }
    }
    return true;
}

bool read_credentials(pid_t tid, Credentials& out) {
    char text[2048];
    text[read_proc(tid, "status", text, sizeof text - 1)] = 0;
    return parse_credentials(text, out);
}

BorrowedRights::BorrowedRights(const Credentials& c) {
    release_reach();
    const Own& me = own();
    const bool same_ids = c.fsuid == me.uid && c.fsgid == me.gid;
    const bool same_caps = ((c.effective ^ me.effective) & kFileCapabilities) == 0;
    if (same_ids && same_caps) return;
    if (c.group_count > 32 || (me.uid != 0 && !same_ids)) {
        ok_ = false;
        return;
    }
    switched_ = true;
    if (!same_ids) {
        syscall(SYS_setgroups, c.group_count, c.groups);
        syscall(SYS_setfsgid, c.fsgid);
        syscall(SYS_setfsuid, c.fsuid);
        ok_ = static_cast<uid_t>(syscall(SYS_setfsuid, -1)) == c.fsuid;
    }
    set_effective((me.effective & ~kFileCapabilities) | (c.effective & kFileCapabilities));
}

BorrowedRights::~BorrowedRights() {
    if (!switched_) return;
    const Own& me = own();
    syscall(SYS_setfsuid, me.uid);
    syscall(SYS_setfsgid, me.gid);
    set_effective(me.effective);
    syscall(SYS_setgroups, me.group_count, me.groups);
}

}  // namespace undercoat::instrument
