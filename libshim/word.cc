// What an image says of itself before main, and its first records (wire/local/handover.h, 5.): messages that nobody answers, so that
// neither an execution nor a program that does little costs a round trip, and both are known of a process that has ended before
// anybody looks.
//
// Must stay true: signals are blocked while there is a descriptor; none is left; a program that has sealed itself says nothing more
// this way; the strings go out as the kernel laid them on the stack, and are read by the kernel alone, so that whatever an
// earlier constructor did to them harms nobody; nothing is waited for but room in a full queue, and that for
// kPatience at most.
#include <asm/stat.h>
#include <asm/statfs.h>
#include <asm/unistd.h>
#include <linux/capability.h>

#include "libshim/emit.h"
#include "libshim/environment.h"
#include "libshim/message.h"
#include "libshim/raw_syscall.h"
#include "libshim/state.h"
#include "libshim/text.h"

namespace undercoat::shim {
namespace {

constexpr char kExe[] = "/proc/self/exe";
constexpr long kEagain = -11;
constexpr int kMsgDontwait = 0x40, kSockDgramCloexec = 2 | 02000000, kSoSndtimeo = 21;
constexpr int64_t kPatience[2] = {0, 500000};
constexpr unsigned long kAtExecfn = 31;
constexpr uint64_t kAllSignals = ~0ULL;
constexpr size_t kMostStack = 64 << 20, kMostStrings = 6 << 20;

// A stretch of strings, each with its NUL.
struct Strings {
    const char* begin = nullptr;
    size_t size = 0;
    const char* end() const { return begin + size; }
};

Strings stretch(char* const* v, size_t n) {
    if (!n) return {};
    const char* const end = v[n - 1] + length(v[n - 1]) + 1;
    const auto size = static_cast<size_t>(end - v[0]);
    return size <= kMostStrings ? Strings{v[0], size} : Strings{};
}

// The kernel puts the vectors on the stack one behind the other, argc before and the auxiliary vector after them.
struct Start {
    Strings args, env;
    const char* name = nullptr;  // as given to execve
    const void* stack = nullptr;
};

Start find_start() {
    Start s;
    char** const env = &environ ? environ : nullptr;
    const auto here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
    // Another constructor may have moved the environment elsewhere.
    if (reinterpret_cast<uintptr_t>(env) - here > kMostStack || env[-1]) return s;
    size_t argc = 0, envc = 0;
    while (argc < kMostStrings && reinterpret_cast<uintptr_t>(env[-2 - static_cast<long>(argc)]) != argc) argc++;
    if (argc == kMostStrings) return s;
    while (env[envc]) envc++;
    s.args = stretch(env - 1 - argc, argc);
    s.env = stretch(env, envc);
    if (s.args.size && s.args.end() != s.env.begin) s.env = {};
    s.stack = env - 2 - argc;
    for (auto* aux = reinterpret_cast<unsigned long*>(env + envc + 1); *aux; aux += 2)
        if (*aux == kAtExecfn) s.name = reinterpret_cast<const char*>(aux[1]);
    return s;
}

uint64_t time_ns(unsigned long seconds, unsigned long rest) { return seconds * 1'000'000'000 + rest; }

wire::WordHead head_of(wire::WordKind what) {
    return {wire::kRingMagic, wire::kAbi, static_cast<uint32_t>(what), static_cast<uint32_t>(own_call(__NR_getppid))};
}

void say_identity(wire::ImageWord& w) {
    const auto ask = [](long nr) { return static_cast<uint32_t>(own_call(nr, 0)); };
    w.head = head_of(wire::WordKind::image);
    w.pid = ask(__NR_getpid), w.pgid = ask(__NR_getpgid), w.sid = ask(__NR_getsid);
    own_call(__NR_getresuid, &w.uid, &w.euid, &w.suid);
    own_call(__NR_getresgid, &w.gid, &w.egid, &w.sgid);
    __user_cap_header_struct version{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct sets[2] = {};
    own_call(__NR_capget, &version, sets);
    const auto whole = [](uint32_t low, uint32_t high) { return low | uint64_t{high} << 32; };
    w.cap_inheritable = whole(sets[0].inheritable, sets[1].inheritable);
    w.cap_permitted = whole(sets[0].permitted, sets[1].permitted);
    w.cap_effective = whole(sets[0].effective, sets[1].effective);
    constexpr int kNofile = 7, kSelf = 0, kMinorFaults = 8, kMajorFaults = 9, kPrGetName = 16;
    uint64_t limit[2] = {};
    own_call(__NR_prlimit64, 0, kNofile, 0, limit);
    w.fd_limit = limit[0];
    uint64_t usage[18] = {};  // struct rusage
    own_call(__NR_getrusage, kSelf, usage);
    w.pgft_min = usage[kMinorFaults], w.pgft_maj = usage[kMajorFaults];
    own_call(__NR_prctl, kPrGetName, w.comm);
}

void say_executable(wire::ImageWord& w) {
    struct stat st;
    struct statfs fs;
    if (!failed(own_call(__NR_stat, kExe, &st))) {
        w.exe_dev = st.st_dev, w.exe_ino = st.st_ino;
        w.exe_ctime = time_ns(st.st_ctime, st.st_ctime_nsec), w.exe_mtime = time_ns(st.st_mtime, st.st_mtime_nsec);
        w.exe_mode = st.st_mode, w.exe_uid = st.st_uid, w.exe_gid = st.st_gid;
        w.exe_links = static_cast<uint32_t>(st.st_nlink);
    }
    if (!failed(own_call(__NR_statfs, kExe, &fs)))
        w.exe_fs = static_cast<uint64_t>(fs.f_type), w.exe_mount = static_cast<uint64_t>(fs.f_flags);
}

uint32_t read_cwd(char* to, size_t room) {
    const long n = own_call(__NR_getcwd, to, room);
    if (!failed(n) && to[0] == '/') return static_cast<uint32_t>(n - 1);
    const long m = own_call(__NR_readlink, "/proc/self/cwd", to, room);  // gone, too long, or out of reach
    return failed(m) ? 0 : static_cast<uint32_t>(m);
}

uint32_t cut(size_t n, size_t most) { return static_cast<uint32_t>(n < most ? n : most); }

[[gnu::noinline]] bool send_word(Iovec* parts, size_t n) {
    UnixAddress address{};
    address.family = kAfUnix;
    const size_t place = copy_text(address.path, sizeof address.path - (sizeof wire::kWordSuffix - 1), g_image.meet, length(g_image.meet));
    if (!place) return false;
    copy_text(address.path + place, sizeof address.path - place, wire::kWordSuffix, sizeof wire::kWordSuffix - 1);
    // Some sandboxes know the sender at no other place. The kernel vouches for it.
    Credentials who{sizeof who - sizeof who.padding, kSolSocket, kScmCredentials, static_cast<int32_t>(own_call(__NR_getpid)),
                    static_cast<uint32_t>(own_call(__NR_getuid)), static_cast<uint32_t>(own_call(__NR_getgid)), 0};
    const Message m{&address, sizeof address, parts, n, &who, sizeof who, 0};
    uint64_t before = 0;
    own_call(__NR_rt_sigprocmask, 0, &kAllSignals, &before, 8);
    const long s = own_call(__NR_socket, kAfUnix, kSockDgramCloexec, 0);
    long r = s;
    if (!failed(s)) r = own_call(__NR_sendmsg, s, &m, kMsgNosignal | kMsgDontwait);
    if (!failed(s) && r == kEagain) {
        own_call(__NR_setsockopt, s, kSolSocket, kSoSndtimeo, kPatience, sizeof kPatience);
        r = own_call(__NR_sendmsg, s, &m, kMsgNosignal);
    }
    if (!failed(s)) own_call(__NR_close, s);
    own_call(__NR_rt_sigprocmask, 2, &before, 0, 8);
    return !failed(r);
}

}  // namespace

bool tell_image() {
    wire::ImageWord w{};
    char exe[wire::kMaxPath], cwd[wire::kMaxPath];
    const Start start = find_start();
    say_identity(w);
    say_executable(w);
    const long n = own_call(__NR_readlink, kExe, exe, sizeof exe);
    w.exe = failed(n) ? 0 : static_cast<uint32_t>(n);
    w.cwd = read_cwd(cwd, sizeof cwd);
    w.name = start.name ? cut(length(start.name), wire::kMaxPath) : 0;
    w.argv = cut(start.args.size, wire::kMaxArgs);
    w.envp = cut(start.env.size, wire::kWordEnv);
    w.arg_start = reinterpret_cast<uint64_t>(start.args.begin);
    w.start_stack = reinterpret_cast<uint64_t>(start.stack);
    Iovec parts[] = {{&w, sizeof w}, {exe, w.exe}, {cwd, w.cwd}, {start.name, w.name}, {start.args.begin, w.argv}, {start.env.begin, w.envp}};
    return send_word(parts, sizeof parts / sizeof *parts);
}

bool tell_record(const Emission& e) {
    constexpr uint32_t kMostPieces = 6;
    struct [[gnu::packed]] TlvHead {
        uint16_t size;
        wire::Tag tag;
        uint8_t index;
    } heads[1 + kMostPieces];
    wire::WordHead head = head_of(wire::WordKind::record);
    wire::RecordHeader h{};
    Iovec parts[2 + 2 * (1 + kMostPieces)] = {{&head, sizeof head}, {&h, sizeof h}};
    uint32_t n = 2, tlvs = 0;
    size_t size = 0;
    const auto put = [&](wire::Tag tag, uint8_t index, const void* data, uint16_t bytes) {
        heads[tlvs] = {bytes, tag, index};
        parts[n++] = {&heads[tlvs++], sizeof *heads};
        parts[n++] = {data, bytes};
        size += sizeof *heads + bytes;
    };
    if (e.nargs) put(wire::Tag::args, 0, e.args, static_cast<uint16_t>(e.nargs * 8));
    for (uint32_t i = 0; i < e.npieces && i < kMostPieces; i++) put(e.pieces[i].tag, e.pieces[i].index, e.pieces[i].data, e.pieces[i].size);
    if (sizeof head + sizeof h + size > wire::kMostWord) return false;
    fill_header(h, e, size);
    h.pid = static_cast<uint32_t>(own_call(__NR_getpid));
    if (t_in_vfork_child) h.tid = 0;  // that is its parent's
    return send_word(parts, n);
}

}  // namespace undercoat::shim
