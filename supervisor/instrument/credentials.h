// A target's rights, and looking at files with exactly these.
//
// Must stay true: a thread that took on a target's rights gives them up again before it does anything else; what cannot be
// taken on is said (`borrowed() == false`), never guessed.
#pragma once

#include <cstdint>
#include <sys/types.h>

namespace undercoat::instrument {

// Capabilities by number, from linux/capability.h.
enum Capability : unsigned {
    kCapChown = 0, kCapDacOverride = 1, kCapDacReadSearch = 2, kCapFowner = 3, kCapKill = 5, kCapSetgid = 6, kCapSetuid = 7,
    kCapNetBind = 10, kCapNetRaw = 13, kCapSysModule = 16, kCapSysChroot = 18, kCapSysPtrace = 19, kCapSysAdmin = 21,
    kCapSysBoot = 22, kCapMknod = 27, kCapPerfmon = 38, kCapBpf = 39
};

struct Credentials {
    uint32_t uid = 0, euid = 0, suid = 0, fsuid = 0;
    uint32_t gid = 0, egid = 0, sgid = 0, fsgid = 0;
    uint64_t effective = 0;  // capabilities
    uint32_t groups[32] = {};
    uint32_t group_count = 0;  // 33: there are more
    bool has(Capability c) const { return effective >> c & 1; }
    bool in_group(uint32_t g) const;
};

// From /proc/TID/status. False: unreadable.
bool read_credentials(pid_t tid, Credentials& out);
bool parse_credentials(const char* status_text, Credentials& out);

// Takes on the file-system rights of `c` for the calling thread alone, until it goes out of scope.
class BorrowedRights {
public:
    explicit BorrowedRights(const Credentials& c);
    ~BorrowedRights();
    BorrowedRights(const BorrowedRights&) = delete;
    BorrowedRights& operator=(const BorrowedRights&) = delete;
    bool borrowed() const { return ok_; }

private:
    bool switched_ = false, ok_ = true;
};

}  // namespace undercoat::instrument
