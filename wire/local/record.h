// The record: what the shim and the trap say of one call, byte by byte the same from both.
//
// Freestanding (no libc), shared by the shim, instrument and the supervisor. Must stay true: a record is self-contained,
// little-endian, at most kMaxRecord bytes, and every reader treats every byte as hostile (RecordView checks all bounds on a
// private copy). Any change to a layout or to the meaning of a value raises kAbi; the three programs of one bundle always
// have the same kAbi, and a ring with another one is refused.
//
// Layout of a record, offsets in bytes:
//    0  u64 stamp       written last (release): lap << 32 | granules << 16 | state << 8 | kAbi; see ring.h
//    8  u16 kind        RecordKind
//   10  u16 call        enum Call, or kNoCall
//   12  u8  origin      Origin
//   13  u8  flags       RecordFlag bits
//   14  u16 payload     bytes of payload that follow the header
//   16  u32 pid         thread group in the reader's pid name space; 0 in shim records (the ring's owner speaks)
//   20  u32 tid         thread; 0 where the writer does not know it
//   24  u64 time        see kTimeTsc
//   32  i64 result      the call's return value as the kernel gave it (-errno on failure); meaning per kind
//   40  payload         TLVs, each: u16 length, u8 Tag, u8 index, then `length` bytes, no padding
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace undercoat::wire {

inline constexpr uint8_t kAbi = 3;
inline constexpr size_t kGranule = 64;
inline constexpr size_t kHeaderSize = 40;
inline constexpr size_t kMaxRecord = 32 * 1024;
// Limits of captured text, those of Falco: longer paths are reported as too long, longer vectors are cut.
inline constexpr size_t kMaxPath = 1024;
inline constexpr size_t kMaxArgs = 4096;
inline constexpr size_t kMaxEnv = 4096;
inline constexpr size_t kMaxBuffer = 80;

enum class RecordKind : uint16_t {
    pad = 0,       // filler up to the end of the ring's memory
    call = 1,      // one system call with its result
    result = 2,    // the exact result of a call that the trap recorded with kResultFollows: same tid, call and seq
    birth = 3,     // first sight of a process: Tag::proc and comm say what it is; result = parent pid at birth
    exit = 4,      // exit_group or death; result = wait status, or kStatusUnknown; Tag::children its children alive then
    name = 5,      // getaddrinfo & co.: Tag::path the name asked, Tag::addresses the answers
    coverage = 6,  // what of this process is not seen, and why: result = coverage_code(), see coverage.h
};

// capture: read from a capture file; never in a record.
enum class Origin : uint8_t { shim = 1, notify = 2, ptrace = 3, scan = 4, capture = 5 };

enum RecordFlag : uint8_t {
    kInferred = 1,       // result was derived before the call ran
    kResultUnknown = 2,  // result is not known; it is to be treated as a success
    kResultFollows = 4,  // the caller's shim will write a result record with the same Tag::seq
    kTimeTsc = 8,        // time is the time stamp counter; else nanoseconds of CLOCK_REALTIME
    kUnreadable = 16,    // the caller's memory could not be read: registers only
    kForeignAbi = 32,    // the call came by the i386 or x32 entry
};

enum class Tag : uint8_t {
    args = 1,       // index 0: up to six u64, the raw registers
    path = 2,       // index = argument: the string as the kernel would read it, without NUL; kMaxPath bytes mean "or more"
    string = 3,     // the same for strings that are no paths
    sockaddr = 4,   // index = argument: struct sockaddr as passed
    fd = 5,         // index = argument: text of /proc/PID/fd/N, as in "/etc", "socket:[12]", "pipe:[3]"
    socket = 6,     // index = argument: struct SocketInfo of that descriptor
    argv = 7,       // NUL-separated strings
    envp = 8,       // NUL-separated strings
    open_how = 9,   // struct open_how as passed
    buffer = 10,    // first kMaxBuffer bytes of data
    cwd = 11,       // text of /proc/PID/cwd
    exe = 12,       // text of /proc/PID/exe
    comm = 13,      // the thread's name
    proc = 14,      // struct ProcInfo
    children = 15,  // u32 pids
    order = 16,     // struct Order (trap records)
    seq = 17,       // u32, joins kResultFollows with its result record
    addresses = 18, // sequence of struct sockaddr_in / sockaddr_in6
    text = 19,      // words for people
    local = 20,     // sockaddr: the local address of the socket as the kernel says or routing implies
    peer = 21,      // sockaddr: the accepted peer
    cgroup = 22,    // text of /proc/PID/cgroup, first 1024 bytes
    file = 23,      // index = argument: struct FileInfo of the file that the path or descriptor names
    buf64 = 24,     // index = argument: one u64 read from memory (bpf attr, prctl strings are Tag::string)
    stack = 25,     // the caller's registers and the end of its stack: struct StackHead and bytes, see stack.h
    code = 26,      // what code is mapped: CodeRange entries, see stack.h
};

inline constexpr int64_t kStatusUnknown = INT64_MIN;
// Result of a call that will return a descriptor, inferred before it runs: a success whose number is not known.
inline constexpr int64_t kInferredFd = 0x7fffffff;

// Where the caller's shim ring stood while the caller was held: its records before `head` (granules) precede this one.
struct Order {
    uint32_t ring_id;
    uint32_t reserved;
    uint64_t head;
};

// What getsockopt and getsockname say of a socket (by a duplicate taken while the caller is held). family 0: unknown.
struct SocketInfo {
    int32_t family;
    int32_t type;
    int32_t protocol;
    uint32_t local_len;
    uint32_t peer_len;
    uint8_t local[28];
    uint8_t peer[28];
};

struct FileInfo {
    uint64_t dev;
    uint64_t ino;
    uint32_t mode;   // st_mode; 0: the file could not be looked at
    uint32_t flags;  // FileFlag bits
};
enum FileFlag : uint32_t { kUpperLayer = 1, kLowerLayer = 2, kMemfd = 4, kWritableByCaller = 8 };

// What /proc says of a process at exec or at first sight. Times in ns since the epoch; pids in the reader's name space.
struct ProcInfo {
    uint32_t pid, ppid, pgid, sid;
    uint32_t vpid, vpgid, vsid, tty_nr;
    uint32_t uid, euid, suid, fsuid;
    uint32_t gid, egid, sgid, fsgid;
    uint32_t loginuid, flags;  // flags: FileFlag bits of the executable
    uint64_t cap_inheritable, cap_permitted, cap_effective;
    uint64_t start_time;   // when the process began
    uint64_t exe_dev, exe_ino, exe_ctime, exe_mtime;
    uint64_t fd_limit, vm_size_kb, vm_rss_kb, vm_swap_kb, pgft_maj, pgft_min;
    uint64_t pidns_ino, pidns_start;
};

struct RecordHeader {
    uint64_t stamp;
    uint16_t kind;
    uint16_t call;
    uint8_t origin;
    uint8_t flags;
    uint16_t payload;
    uint32_t pid;
    uint32_t tid;
    uint64_t time;
    int64_t result;
};
static_assert(sizeof(RecordHeader) == kHeaderSize);
static_assert(sizeof(SocketInfo) == 76 && sizeof(FileInfo) == 24 && sizeof(Order) == 16);

inline constexpr size_t granules_for(size_t payload) { return (kHeaderSize + payload + kGranule - 1) / kGranule; }

// Writes TLVs into memory that the caller has reserved. Never writes past `end`: a TLV that does not fit is left out and
// `overflowed` is set. Async-signal-safe.
class PayloadWriter {
public:
    PayloadWriter(uint8_t* begin, uint8_t* end) : begin_(begin), at_(begin), end_(end) {}
    void put(Tag tag, uint8_t index, const void* data, size_t n) {
        if (n > 0xffff || static_cast<size_t>(end_ - at_) < n + 4) {
            overflowed_ = true;
            return;
        }
        at_[0] = static_cast<uint8_t>(n);
        at_[1] = static_cast<uint8_t>(n >> 8);
        at_[2] = static_cast<uint8_t>(tag);
        at_[3] = index;
        if (n != 0) __builtin_memcpy(at_ + 4, data, n);  // `data` may be null then
        at_ += 4 + n;
    }
    size_t size() const { return static_cast<size_t>(at_ - begin_); }
    bool overflowed() const { return overflowed_; }
    static constexpr size_t tlv(size_t n) { return n + 4; }

private:
    uint8_t* begin_;
    uint8_t* at_;
    uint8_t* end_;
    bool overflowed_ = false;
};

// One TLV inside a record that RecordView has checked.
struct Tlv {
    Tag tag;
    uint8_t index;
    uint16_t size;
    const uint8_t* data;
};

// Reads a record from a private copy. valid() is false for anything malformed; then nothing else may be asked.
class RecordView {
public:
    RecordView(const uint8_t* copy, size_t n) : p_(copy), n_(n) { valid_ = check(); }
    bool valid() const { return valid_; }
    const RecordHeader& header() const { return h_; }
    RecordKind kind() const { return static_cast<RecordKind>(h_.kind); }
    // Calls f(Tlv) for each, in order; stops when f returns false.
    template <class F>
    void each(F f) const {
        const uint8_t *at = p_ + kHeaderSize, *end = at + h_.payload;
        while (at < end) {
            uint16_t n = static_cast<uint16_t>(at[0] | at[1] << 8);
            if (!f(Tlv{static_cast<Tag>(at[2]), at[3], n, at + 4})) return;
            at += 4 + n;
        }
    }

private:
    bool check() {
        if (n_ < kHeaderSize || n_ > kMaxRecord) return false;
        __builtin_memcpy(&h_, p_, kHeaderSize);
        if (h_.payload > n_ - kHeaderSize) return false;
        const uint8_t *at = p_ + kHeaderSize, *end = at + h_.payload;
        while (at < end) {
            if (end - at < 4) return false;
            size_t n = static_cast<size_t>(at[0] | at[1] << 8);
            if (static_cast<size_t>(end - at) - 4 < n) return false;
            at += 4 + n;
        }
        return true;
    }
    const uint8_t* p_;
    size_t n_;
    RecordHeader h_{};
    bool valid_ = false;
};

}  // namespace undercoat::wire
