// Falco's constants (PPM_*) and how the kernel's values become them.
//
// Parameters of FLAGS and ENUMFLAGS types hold the values below. Must stay true: what has no constant is left out of
// flags, and an unknown enumeration value becomes the table's "unknown" or stays as it is, as noted; the order in which
// flags print is the business of the flag tables, not of these numbers.
#pragma once

#include <cstdint>

namespace undercoat::event {

// open*. O_RDWR is both access bits.
enum PpmOpen : uint32_t {
    kPpmORdonly = 1 << 0, kPpmOWronly = 1 << 1, kPpmORdwr = 3, kPpmOCreat = 1 << 2, kPpmOAppend = 1 << 3,
    kPpmODsync = 1 << 4, kPpmOExcl = 1 << 5, kPpmONonblock = 1 << 6, kPpmOSync = 1 << 7, kPpmOTrunc = 1 << 8,
    kPpmODirect = 1 << 9, kPpmODirectory = 1 << 10, kPpmOLargefile = 1 << 11, kPpmOCloexec = 1 << 12,
    kPpmOTmpfile = 1 << 13, kPpmOFCreated = 1 << 14, kPpmFdUpperLayer = 1 << 15, kPpmFdLowerLayer = 1 << 16,
};
enum PpmCreat : uint32_t { kPpmFdUpperLayerCreat = 1, kPpmFdLowerLayerCreat = 2 };
enum PpmExe : uint32_t { kPpmExeWritable = 1, kPpmExeUpperLayer = 2, kPpmExeFromMemfd = 4, kPpmExeLowerLayer = 8 };
enum PpmClone : uint32_t {
    kPpmCloneFiles = 1 << 0, kPpmCloneFs = 1 << 1, kPpmCloneIo = 1 << 2, kPpmCloneNewipc = 1 << 3,
    kPpmCloneNewnet = 1 << 4, kPpmCloneNewns = 1 << 5, kPpmCloneNewpid = 1 << 6, kPpmCloneNewuts = 1 << 7,
    kPpmCloneParent = 1 << 8, kPpmCloneParentSettid = 1 << 9, kPpmClonePtrace = 1 << 10, kPpmCloneSighand = 1 << 11,
    kPpmCloneSysvsem = 1 << 12, kPpmCloneThread = 1 << 13, kPpmCloneUntraced = 1 << 14, kPpmCloneVm = 1 << 15,
    kPpmCloneNewuser = 1 << 20, kPpmCloneChildCleartid = 1 << 23, kPpmCloneChildSettid = 1 << 24,
    kPpmCloneSettls = 1 << 25, kPpmCloneStopped = 1 << 26, kPpmCloneVfork = 1 << 27, kPpmCloneNewcgroup = 1 << 28,
    kPpmChildInPidns = 1 << 29,
};
enum PpmFcntl : uint32_t { kPpmFcntlUnknown = 0, kPpmFDupfd = 1, kPpmFDupfdCloexec = 26 };
enum PpmPtrace : uint32_t { kPpmPtraceUnknown = 0, kPpmPtraceTraceme = 1, kPpmPtraceAttach = 11, kPpmPtraceSeize = 20 };

uint32_t open_flags(uint64_t native);      // of open, openat, openat2 and socket/dup3-like O_CLOEXEC, O_NONBLOCK
uint32_t clone_flags(uint64_t native);     // of clone, unshare, setns
uint32_t openat2_resolve(uint64_t native);
uint32_t fcntl_command(uint64_t native);   // unknown: kPpmFcntlUnknown
uint32_t ptrace_request(uint64_t native);  // unknown: kPpmPtraceUnknown
uint32_t exe_flags(uint32_t file_flags);   // wire::FileFlag bits
uint32_t delete_module_flags(uint64_t native);
uint32_t close_range_flags(uint64_t native);
uint32_t rlimit_resource(uint64_t native);
uint32_t shutdown_how(uint64_t native);
uint32_t pidfd_open_flags(uint64_t native);
// By the flag table's name as the schema gives it; a table without conversion passes the value through.
int64_t to_ppm(const char* table, uint64_t native);

}  // namespace undercoat::event
