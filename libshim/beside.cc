// LD_PRELOAD alone, without an entrypoint (wire/local/handover.h, 4.): starts instrument beside the program, and puts the program
// under its filter before main runs.
//
// The program must not find a child that it did not make. So the process that it is the parent of is one that wait() does
// not see (made by clone without an exit signal), which lasts only while it executes nothing: it stays a copy of ours that waits.
// instrument is its child, and whatever instrument leaves behind is its to reap.
//
// Must stay true: all signals are blocked meanwhile; no descriptor of ours is left in the program, none of the program's but
// the standard streams in instrument; every failure leaves the program running without us; without bin/instrument beside
// this library nothing is done.
#include <asm/mman.h>
#include <asm/unistd.h>
#include <linux/filter.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>

#include "libshim/environment.h"
#include "libshim/message.h"
#include "libshim/raw_syscall.h"
#include "libshim/state.h"
#include "libshim/text.h"

namespace undercoat::shim {
namespace {

constexpr long kEintr = -4, kEacces = -13, kEfault = -14, kEinval = -22;
constexpr int kSetFd = 2, kExecutable = 1, kSigchld = 17;
constexpr int kProtReadWrite = 3, kMapPrivateAnonymous = 0x22;
constexpr uint64_t kAllSignals = ~0ULL;
constexpr char kLibrary[] = "/lib", kProgram[] = "/bin/instrument";

struct Offer {
    wire::BesideOffer head;
    sock_filter filter[wire::kMaxBesideFilter];
};

// <prefix>/lib/libshim.so has <prefix>/bin/instrument beside it. False: the library lies elsewhere.
bool name_instrument(char (&to)[sizeof Image::path + sizeof kProgram]) {
    size_t prefix = 0, slash = 0;
    for (size_t i = 0; i < g_image.path_length; i++)
        if (g_image.path[i] == '/') prefix = slash, slash = i;
    if (!equal(g_image.path + prefix, slash - prefix, kLibrary)) return false;
    for (size_t i = 0; i < prefix; i++) to[i] = g_image.path[i];
    for (size_t i = 0; i < sizeof kProgram; i++) to[prefix + i] = kProgram[i];
    return true;
}

[[noreturn]] void leave(int status) {
    for (;;) own_call(__NR_exit_group, status);
}

[[noreturn]] void become_instrument(const char* program, int channel) {
    char number[12];
    size_t at = sizeof number;
    number[--at] = 0;
    unsigned n = static_cast<unsigned>(channel);
    do number[--at] = static_cast<char>('0' + n % 10);
    while (n /= 10);
    const char* const argv[] = {program, "--beside", number + at, nullptr};
    own_call(__NR_fcntl, channel, kSetFd, 0);
    own_call(__NR_execve, program, argv, environ);
    leave(127);
}

// The process between the program and instrument. It holds nothing of the program's.
[[noreturn]] void stand_between(const char* program, int channel) {
    own_call(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    own_call(__NR_setsid);
    const long pid = own_call(__NR_clone, kSigchld, 0, 0, 0, 0);
    if (pid == 0) become_instrument(program, channel);
    own_call(__NR_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
    own_call(__NR_prctl, PR_SET_NAME, "undercoat", 0, 0, 0);
    own_call(__NR_chdir, "/");
    if (failed(own_call(__NR_close_range, 0, ~0U, 0)))
        for (int fd = 0; fd < 1024; fd++) own_call(__NR_close, fd);
    long r;
    do r = own_call(__NR_wait4, -1, 0, 0, 0);
    while (!failed(r) || r == kEintr);
    leave(0);
}

// The listener, or a negated errno.
long install(const Offer& offer, bool& no_new_privs) {
    constexpr unsigned long kFlags[] = {
        SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH |
            SECCOMP_FILTER_FLAG_SPEC_ALLOW | (1UL << 5) /* WAIT_KILLABLE_RECV */,
        SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH |
            SECCOMP_FILTER_FLAG_SPEC_ALLOW,
        SECCOMP_FILTER_FLAG_NEW_LISTENER,
    };
    const struct {
        uint16_t length;
        const sock_filter* filter;
    } program{static_cast<uint16_t>(offer.head.filter_length), offer.filter};
    long r = kEinval;
    for (unsigned long flags : kFlags) {
        r = own_call(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
        if (r == kEacces && !no_new_privs && !failed(own_call(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))) {
            no_new_privs = true;
            r = own_call(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
        }
        if (r != kEinval) break;
    }
    return r;
}

bool receive(int channel, Offer& offer) {
    long r;
    do r = own_call(__NR_recvfrom, channel, &offer, sizeof offer, 0, 0, 0);
    while (r == kEintr);
    const wire::BesideOffer& head = offer.head;
    if (failed(r) || static_cast<size_t>(r) < sizeof head || head.magic != wire::kRingMagic || head.abi != wire::kAbi) return false;
    offer.head.meet[sizeof head.meet - 1] = 0;
    return head.filter_length <= wire::kMaxBesideFilter && r == static_cast<long>(sizeof head + head.filter_length * sizeof(sock_filter));
}

void report(int channel, const wire::BesideReport& what, long listener) {
    Control control{kOneDescriptor, kSolSocket, kScmRights, {static_cast<int>(listener), 0}};
    Iovec iov{&what, sizeof what};
    Message m{nullptr, 0, &iov, 1, nullptr, 0, 0};
    if (!failed(listener)) m.control = &control, m.control_size = sizeof control;
    own_call(__NR_sendmsg, channel, &m, kMsgNosignal);
}

void confine(int channel, Offer& offer) {
    own_call(__NR_prctl, PR_SET_PTRACER, offer.head.reader, 0, 0, 0);  // for Yama; fails without
    bool no_new_privs = false;
    const long listener = install(offer, no_new_privs);
    report(channel, {failed(listener) ? static_cast<int32_t>(-listener) : 0, no_new_privs}, listener);
    // While it is not known that somebody serves, a held call had better wait than fail.
    const bool answered = receive(channel, offer);
    if (!failed(listener)) own_call(__NR_close, listener);
    if (!answered) offer.head.kind = 0;
}

void converse(int channel) {
    const long memory = own_call(__NR_mmap, 0, sizeof(Offer), kProtReadWrite, kMapPrivateAnonymous, -1, 0);
    if (failed(memory)) return;
    auto& offer = *reinterpret_cast<Offer*>(memory);
    if (!receive(channel, offer)) offer.head.kind = 0;
    if (offer.head.kind == static_cast<uint32_t>(wire::BesideKind::filter)) confine(channel, offer);
    if (offer.head.kind == static_cast<uint32_t>(wire::BesideKind::refuse)) leave(wire::kRefusedStatus);
    if (offer.head.kind == static_cast<uint32_t>(wire::BesideKind::meet) && offer.head.meet[0]) {
        copy_text(g_image.meet, sizeof g_image.meet, offer.head.meet, length(offer.head.meet));
        enlist_entered();
    }
    own_call(__NR_munmap, memory, sizeof(Offer));
}

void start() {
    char program[sizeof Image::path + sizeof kProgram];
    int channel[2];
    if (!&environ || !name_instrument(program) || failed(own_call(__NR_access, program, kExecutable)) ||
        failed(own_call(__NR_socketpair, kAfUnix, kSockSeqpacketCloexec, 0, channel)))
        return;
    g_image.settled = true;
    const long pid = own_call(__NR_clone, 0, 0, 0, 0, 0);
    if (pid == 0) stand_between(program, channel[1]);
    own_call(__NR_close, channel[1]);
    if (!failed(pid)) converse(channel[0]);
    own_call(__NR_close, channel[0]);
}

// True when somebody holds our calls: natively the answer is EFAULT.
bool held() {
    const long r = own_call(__NR_openat, wire::kMagicDirfd, wire::kMagicPath, wire::kMagicFlags, ~wire::kAbi);
    if (!failed(r)) own_call(__NR_close, r);
    return r != kEfault;
}

}  // namespace

// Without a filter nobody holds the end of PID 1, with which the kernel ends instrument.
__attribute__((destructor)) void end() {
    if (g_image.meet[0] && !t_in_vfork_child && own_call(__NR_getpid) == 1) meet(wire::MeetKind::end);
}

void find_instrument() {
    if (!g_image.path[0]) return;
    uint64_t before = 0;
    own_call(__NR_rt_sigprocmask, 0, &kAllSignals, &before, 8);
    if (held() || enlist_entered()) g_image.settled = true;
    else start();
    own_call(__NR_rt_sigprocmask, 2, &before, 0, 8);
}

}  // namespace undercoat::shim
