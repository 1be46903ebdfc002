// How a process gets its ring from instrument, and how instrument hands rings to the supervisor.
//
// Freestanding. Must stay true: a request is recognised by registers alone (the caller's memory may be unreadable); without
// an instrument it fails harmlessly; the pid that a ring belongs to is the kernel's word, never the caller's.
//
// 1. By the trap (full mode): openat(kMagicDirfd, kMagicPath, kMagicFlags, kAbi). instrument answers by
//    SECCOMP_IOCTL_NOTIF_ADDFD: the result is a descriptor (close-on-exec) of the ring's memfd, RingControl::granules tells
//    its size. Natively the kernel answers EFAULT for kMagicPath before it looks at anything else. Any error: no ring now.
// 2. By a socket (preload mode, and processes that are no descendants): connect to the path in UNDERCOAT_MEET, else to the
//    first of kMeetingPlaces that answers; SOCK_SEQPACKET; send MeetRequest; receive MeetReply with the ring's fd in
//    SCM_RIGHTS. instrument takes the pid from SO_PEERCRED, or from the request's
//    SCM_CREDENTIALS where that names itself (gVisor), and refuses pid 0 and peers of another mount name space.
//    A process that was entered from outside says so: nobody saw its execution. So does an image that could not be told of by 5.
// 3. instrument to supervisor: SOCK_SEQPACKET pair inherited by the supervisor (--agent-fd N); messages are AgentMessage, with
//    the descriptors named at each kind in SCM_RIGHTS.
// 4. LD_PRELOAD alone, without an entrypoint: a shim that nobody told of an instrument (no kEnvAdded), whose calls nobody holds and
//    who finds nobody at a meeting place, starts `instrument --beside N`; N is one end of a SOCK_SEQPACKET pair whose other end the
//    shim holds. instrument sends a BesideOffer; after `filter` the shim installs the filter that follows the offer in the same
//    message, answers with BesideReport and the listener in SCM_RIGHTS, and gets a second offer, `go` or `meet`.
// 5. An image that was told of a meeting place says once, before main, that it is there: one datagram (SOCK_DGRAM) to that path with
//    kWordSuffix, an ImageWord and the texts that it counts. Its first records go the same way, each a WordHead and the record; a
//    ring is asked for by 2. once there are many. Nobody answers; the pid is that of SCM_CREDENTIALS. What the word says of its
//    sender is the sender's claim; its own pid (ImageWord, RecordHeader) counts only where the kernel has forgotten who it was.
#pragma once

#include "wire/local/ring.h"

namespace undercoat::wire {

inline constexpr int32_t kMagicDirfd = -0x5543;
inline constexpr uint64_t kMagicPath = 0x1;
inline constexpr uint32_t kMagicFlags = 0x75636f61;

// The gadget page: `syscall` and a jump back at its start, mapped read+execute at this address by shims that have a ring. Below
// 0x7fff8000, where AddressSanitizer's shadow begins. The filter sees the address after the instruction.
inline constexpr uint64_t kGadgetAddress = 0x7ffe0000;
inline constexpr uint64_t kGadgetReturn = kGadgetAddress + 2;

inline constexpr const char* kMeetingPlaces[] = {"/run/undercoat/meet", "/dev/shm/undercoat/meet", "/tmp/.undercoat/meet"};

// A call that a shim hook lets the trap see, while its result is wanted, carries this in its sixth argument register (calls of
// at most five arguments): kSeqMagic | seq, seq a u32. The shim writes RecordKind::result with Tag::seq after the call has
// returned, so the trap's record gets Tag::seq and kResultFollows. Meaningless from a process without a registered ring.
inline constexpr uint64_t kSeqMagic = 0x5543'0000'0000'0000;
inline constexpr uint64_t kSeqMask = 0xffff'ffff'0000'0000;

enum class MeetKind : uint32_t {
    ring = 0,
    entered,  // the same, and this image was not executed by a process that we know
    end,      // the first process is about to end: the connection is closed when all that happened is written out
    untold,   // a ring, and this image's word (5.) did not get through
};
struct MeetRequest {
    uint32_t magic;  // kRingMagic
    uint32_t abi;    // kAbi
    uint32_t what;   // MeetKind
};
struct MeetReply {
    uint32_t magic;
    uint32_t abi;
    int32_t error;  // 0, or an errno and no descriptor
    uint32_t mode;  // CaptureMode
};

inline constexpr char kWordSuffix[] = "-word";

enum class WordKind : uint32_t { image = 1, record };
struct WordHead {
    uint32_t magic;  // kRingMagic
    uint32_t abi;    // kAbi
    uint32_t what;   // WordKind
    uint32_t ppid;   // as getppid(2) gives it
};
// What a new image says of itself. Numbers as its own system calls give them; the executable is /proc/self/exe's.
struct ImageWord {
    WordHead head;
    uint32_t pid, pgid, sid, reserved;
    uint32_t uid, euid, suid, gid, egid, sgid;
    uint64_t cap_inheritable, cap_permitted, cap_effective;
    uint64_t exe_dev, exe_ino, exe_ctime, exe_mtime;  // times: ns since the epoch
    uint32_t exe_mode, exe_uid, exe_gid, exe_links;
    uint64_t exe_fs, exe_mount;                       // f_type and f_flags of statfs(2)
    uint64_t fd_limit, pgft_maj, pgft_min;
    uint64_t arg_start, start_stack;                  // as in /proc/PID/stat
    char comm[16];
    uint32_t exe, cwd, name, argv, envp;              // bytes of each text; they follow in this order
    uint32_t reserved_too;
};
static_assert(sizeof(ImageWord) == 224);
// The longest texts; longer ones are cut. The environment's holds our additions, too, which whoever receives it takes out.
inline constexpr size_t kWordEnv = kMaxEnv + 1024;
inline constexpr size_t kMostWord = sizeof(ImageWord) + 3 * kMaxPath + kMaxArgs + kWordEnv;

// Environment entries that instrument and the exec hooks add, and that the shim's constructor takes out again. kEnvAdded's
// value says what was added: "p" the whole LD_PRELOAD entry, "a" only our path at its end; then "m" if UNDERCOAT_MEET too. Empty:
// nothing but itself, which says that the parent has looked for an instrument already.
inline constexpr char kEnvPreload[] = "LD_PRELOAD";
inline constexpr char kEnvMeet[] = "UNDERCOAT_MEET";
inline constexpr char kEnvAdded[] = "UNDERCOAT_ADDED";

enum class BesideKind : uint32_t {
    filter = 1,  // install what follows
    meet,        // no filter: `meet` is where to register; empty: nowhere
    go,          // the filter is served
    refuse,      // the program is not to run (exit status 125)
};
struct BesideOffer {
    uint32_t magic;  // kRingMagic
    uint32_t abi;
    uint32_t kind;
    uint32_t filter_length;  // instructions (struct sock_filter) that follow
    int32_t reader;          // whose process tree reads the memory of the program (PR_SET_PTRACER)
    char meet[108];
};
struct BesideReport {
    int32_t error;          // 0, or the errno of why there is no listener
    uint32_t no_new_privs;  // 1: it had to be set
};
// How long the end of a first process waits until everything is written out.
inline constexpr int64_t kEndSeconds = 5;
inline constexpr int kRefusedStatus = 125;
inline constexpr uint32_t kMaxBesideFilter = 4096;

enum class AgentMessageKind : uint32_t {
    hello = 1,     // to supervisor; fds: registry, trap ring
    ring = 2,      // to supervisor; fd: the ring of registry slot `slot`
    listener = 3,  // to supervisor; fd: the seccomp listener
    ready = 4,     // to instrument: rules are loaded, the rings are being drained
    stop = 5,      // to supervisor: the workload has ended; drain, write out, exit 0
};
struct AgentMessage {
    uint32_t kind;
    uint32_t slot;
    uint32_t ring_id;
    uint32_t value;
};

}  // namespace undercoat::wire
