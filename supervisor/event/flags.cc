// Conversion of the kernel's flag values to Falco's constants.
#include "supervisor/event/flags.h"

#include "wire/local/record.h"

#include <cstring>
#include <fcntl.h>
#include <iterator>
#include <linux/close_range.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/resource.h>

namespace undercoat::event {
namespace {

struct Bit {
    uint64_t native;
    uint32_t ppm;
};

template <size_t N>
uint32_t convert(const Bit (&table)[N], uint64_t native) {
    uint32_t out = 0;
    for (const Bit& b : table)
        if (b.native != 0 && (native & b.native) == b.native) out |= b.ppm;
    return out;
}

template <size_t N>
uint32_t lookup(const Bit (&table)[N], uint64_t native, uint32_t otherwise) {
    for (const Bit& b : table)
        if (b.native == native) return b.ppm;
    return otherwise;
}

constexpr uint64_t kNativeTmpfile = 020000000;  // without O_DIRECTORY, which Linux includes in O_TMPFILE
constexpr uint64_t kNativeLargefile = 0100000;

constexpr Bit kClone[] = {
    {CLONE_FILES, kPpmCloneFiles}, {CLONE_FS, kPpmCloneFs}, {CLONE_IO, kPpmCloneIo}, {CLONE_NEWIPC, kPpmCloneNewipc},
    {CLONE_NEWNET, kPpmCloneNewnet}, {CLONE_NEWNS, kPpmCloneNewns}, {CLONE_NEWPID, kPpmCloneNewpid},
    {CLONE_NEWUTS, kPpmCloneNewuts}, {CLONE_PARENT, kPpmCloneParent}, {CLONE_PARENT_SETTID, kPpmCloneParentSettid},
    {CLONE_PTRACE, kPpmClonePtrace}, {CLONE_SIGHAND, kPpmCloneSighand}, {CLONE_SYSVSEM, kPpmCloneSysvsem},
    {CLONE_THREAD, kPpmCloneThread}, {CLONE_UNTRACED, kPpmCloneUntraced}, {CLONE_VM, kPpmCloneVm},
    {CLONE_NEWUSER, kPpmCloneNewuser}, {CLONE_CHILD_CLEARTID, kPpmCloneChildCleartid},
    {CLONE_CHILD_SETTID, kPpmCloneChildSettid}, {CLONE_SETTLS, kPpmCloneSettls}, {CLONE_VFORK, kPpmCloneVfork},
    {CLONE_NEWCGROUP, kPpmCloneNewcgroup},
};

constexpr Bit kFcntl[] = {
    {F_DUPFD, 1}, {F_GETFD, 2}, {F_SETFD, 3}, {F_GETFL, 4}, {F_SETFL, 5}, {5, 6}, {6, 8}, {7, 9}, {F_SETOWN, 10},
    {F_GETOWN, 12}, {F_SETSIG, 13}, {F_GETSIG, 15}, {F_SETOWN_EX, 21}, {F_GETOWN_EX, 22}, {F_SETLEASE, 23},
    {F_GETLEASE, 24}, {1029, 25}, {F_DUPFD_CLOEXEC, 26}, {F_NOTIFY, 27}, {F_SETPIPE_SZ, 28}, {F_GETPIPE_SZ, 29},
    {F_OFD_GETLK, 30}, {F_OFD_SETLK, 31}, {F_OFD_SETLKW, 32},
};

// Falco numbers the requests itself; the kernel's numbers are those of x86-64.
constexpr Bit kPtrace[] = {
    {0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 6}, {6, 7}, {7, 8}, {8, 9}, {9, 10}, {16, 11}, {17, 12}, {24, 13},
    {0x4200, 14}, {0x4201, 15}, {0x4202, 16}, {0x4203, 17}, {0x4204, 18}, {0x4205, 19}, {0x4206, 20}, {0x4207, 21},
    {0x4208, 22}, {0x4209, 23}, {0x420a, 24}, {0x420b, 25}, {12, 26}, {13, 27}, {14, 28}, {15, 29}, {18, 30}, {19, 31},
    {21, 32}, {25, 33}, {26, 34}, {30, 35}, {31, 36}, {32, 37}, {33, 38},
};

constexpr Bit kResolve[] = {
    {RESOLVE_BENEATH, 1 << 0}, {RESOLVE_IN_ROOT, 1 << 1}, {RESOLVE_NO_MAGICLINKS, 1 << 2},
    {RESOLVE_NO_SYMLINKS, 1 << 3}, {RESOLVE_NO_XDEV, 1 << 4}, {RESOLVE_CACHED, 1 << 5},
};

constexpr Bit kRlimit[] = {
    {RLIMIT_CPU, 0}, {RLIMIT_FSIZE, 1}, {RLIMIT_DATA, 2}, {RLIMIT_STACK, 3}, {RLIMIT_CORE, 4}, {RLIMIT_RSS, 5},
    {RLIMIT_NPROC, 6}, {RLIMIT_NOFILE, 7}, {RLIMIT_MEMLOCK, 8}, {RLIMIT_AS, 9}, {RLIMIT_LOCKS, 10},
    {RLIMIT_SIGPENDING, 11}, {RLIMIT_MSGQUEUE, 12}, {RLIMIT_NICE, 13}, {RLIMIT_RTPRIO, 14}, {RLIMIT_RTTIME, 15},
};

}  // namespace

uint32_t open_flags(uint64_t native) {
    uint32_t out = 0;
    switch (native & O_ACCMODE) {
        case O_WRONLY: out |= kPpmOWronly; break;
        case O_RDWR: out |= kPpmORdwr; break;
        default: out |= kPpmORdonly; break;
    }
    // Falco's converter tests whether any bit of a value is set: every O_DIRECTORY open shows O_TMPFILE too, and
    // O_DSYNC shows O_SYNC.
    if (native & (kNativeTmpfile | O_DIRECTORY)) out |= kPpmOTmpfile;
    if (native & O_SYNC) out |= kPpmOSync;
    static constexpr Bit kOpen[] = {
        {O_CREAT, kPpmOCreat}, {O_APPEND, kPpmOAppend}, {O_DSYNC, kPpmODsync}, {O_EXCL, kPpmOExcl},
        {O_NONBLOCK, kPpmONonblock}, {O_TRUNC, kPpmOTrunc}, {O_DIRECT, kPpmODirect},
        {O_DIRECTORY, kPpmODirectory}, {kNativeLargefile, kPpmOLargefile}, {O_CLOEXEC, kPpmOCloexec},
    };
    return out | convert(kOpen, native);
}

uint32_t clone_flags(uint64_t native) { return convert(kClone, native); }
uint32_t openat2_resolve(uint64_t native) { return convert(kResolve, native); }
uint32_t fcntl_command(uint64_t native) { return lookup(kFcntl, native, kPpmFcntlUnknown); }
uint32_t ptrace_request(uint64_t native) { return lookup(kPtrace, native, kPpmPtraceUnknown); }
uint32_t rlimit_resource(uint64_t native) { return lookup(kRlimit, native, 16); }
uint32_t shutdown_how(uint64_t native) { return native < 3 ? static_cast<uint32_t>(native) : 3; }
uint32_t pidfd_open_flags(uint64_t native) { return native & O_NONBLOCK ? 1 : 0; }

uint32_t exe_flags(uint32_t file_flags) {
    static constexpr Bit kExe[] = {{wire::kUpperLayer, kPpmExeUpperLayer}, {wire::kLowerLayer, kPpmExeLowerLayer},
                                   {wire::kMemfd, kPpmExeFromMemfd}, {wire::kWritableByCaller, kPpmExeWritable}};
    return convert(kExe, file_flags);
}

uint32_t delete_module_flags(uint64_t native) { return (native & O_NONBLOCK ? 1 : 0) | (native & O_TRUNC ? 2 : 0); }

uint32_t close_range_flags(uint64_t native) {
    return (native & CLOSE_RANGE_UNSHARE ? 1 : 0) | (native & CLOSE_RANGE_CLOEXEC ? 2 : 0);
}

int64_t to_ppm(const char* table, uint64_t native) {
    struct Entry {
        const char* name;
        uint32_t (*convert)(uint64_t);
    };
    static constexpr Entry kTables[] = {
        {"file_flags", open_flags}, {"clone_flags", clone_flags}, {"openat2_flags", openat2_resolve},
        {"fcntl_commands", fcntl_command}, {"ptrace_requests", ptrace_request},
        {"delete_module_flags", delete_module_flags}, {"close_range_flags", close_range_flags},
        {"rlimit_resources", rlimit_resource}, {"shutdown_how", shutdown_how},
        {"pidfd_open_flags", pidfd_open_flags},
    };
    for (const Entry& e : kTables)
        if (std::strcmp(e.name, table) == 0) return e.convert(native);
    return static_cast<int64_t>(native);
}

}  // namespace undercoat::event
