// Registration over a socket (wire/local/handover.h, 2.): for preload mode and for processes that are no descendants.
//
// Must stay true: bounded in time; every descriptor that is not returned is closed; at a place that we only looked for nobody is
// believed but root, our own user and the one whom the container belongs to.
#include <asm/stat.h>
#include <asm/unistd.h>
#include <linux/in.h>

#include "libshim/message.h"
#include "libshim/raw_syscall.h"
#include "libshim/state.h"
#include "libshim/text.h"

namespace undercoat::shim {
namespace {

constexpr long kEintr = -4, kEnoent = -2, kEperm = -1, kEproto = -71;
constexpr int kSoPeercred = 17, kSoRcvtimeo = 20, kSoSndtimeo = 21;

long connect_to(const char* path) {
    UnixAddress address{};
    address.family = kAfUnix;
    if (!copy_text(address.path, sizeof address.path, path, length(path))) return kEnoent;
    const long s = own_call(__NR_socket, kAfUnix, kSockSeqpacketCloexec, 0);
    if (failed(s)) return s;
    const int64_t timeout[2] = {0, 500000};
    own_call(__NR_setsockopt, s, kSolSocket, kSoRcvtimeo, timeout, sizeof timeout);
    own_call(__NR_setsockopt, s, kSolSocket, kSoSndtimeo, timeout, sizeof timeout);
    const long r = own_call(__NR_connect, s, &address, sizeof address);
    if (!failed(r)) return s;
    own_call(__NR_close, s);
    return r;
}

bool is_trusted(uint32_t uid) {
    if (uid == 0 || uid == static_cast<uint32_t>(own_call(__NR_geteuid))) return true;
    struct stat first;
    return !failed(own_call(__NR_stat, "/proc/1", &first)) && first.st_uid == uid;
}

// Whoever may write to the directory could put another socket there.
bool serves_us(long s, const char* path) {
    struct {
        int32_t pid;
        uint32_t uid, gid;
    } server{};
    uint32_t size = sizeof server;
    if (failed(own_call(__NR_getsockopt, s, kSolSocket, kSoPeercred, &server, &size)) || !is_trusted(server.uid)) return false;
    char directory[sizeof UnixAddress::path] = {};
    size_t n = length(path);
    while (n && path[n - 1] != '/') n--;
    struct stat st;
    return n && copy_text(directory, sizeof directory, path, n - 1) && !failed(own_call(__NR_stat, directory, &st)) && is_trusted(st.st_uid);
}

// The ring's descriptor from the reply, or a negated errno.
long receive(long s) {
    wire::MeetReply reply{};
    Control control{};
    Iovec iov{&reply, sizeof reply};
    Message m{nullptr, 0, &iov, 1, &control, sizeof control, 0};
    long r;
    do r = own_call(__NR_recvmsg, s, &m, kMsgCmsgCloexec);
    while (r == kEintr);
    if (failed(r)) return r;
    const bool has_fd =
        m.control_size >= sizeof(size_t) + 12 && control.level == kSolSocket && control.type == kScmRights;
    const bool good = r == sizeof reply && reply.magic == wire::kRingMagic && reply.abi == wire::kAbi && !reply.error;
    if (has_fd && good) return control.fds[0];
    if (has_fd) own_call(__NR_close, control.fds[0]);
    return kEproto;
}

// `named`: by whoever started us.
long ask(const char* path, wire::MeetKind what, bool named) {
    const long s = connect_to(path);
    if (failed(s)) return s;
    if (!named && !serves_us(s, path)) {
        own_call(__NR_close, s);
        return kEperm;
    }
    wire::MeetRequest request{wire::kRingMagic, wire::kAbi, static_cast<uint32_t>(what)};
    // Who we are goes with it: some sandboxes know it at no other place. The kernel vouches for it.
    Credentials who{sizeof who - sizeof who.padding, kSolSocket, kScmCredentials, static_cast<int32_t>(own_call(__NR_getpid)),
                    static_cast<uint32_t>(own_call(__NR_getuid)), static_cast<uint32_t>(own_call(__NR_getgid)), 0};
    Iovec iov{&request, sizeof request};
    Message m{nullptr, 0, &iov, 1, &who, sizeof who, 0};
    long r = own_call(__NR_sendmsg, s, &m, kMsgNosignal);
    if (what == wire::MeetKind::end) {
        const int64_t seconds[2] = {wire::kEndSeconds, 0};
        own_call(__NR_setsockopt, s, kSolSocket, kSoRcvtimeo, seconds, sizeof seconds);
    }
    if (!failed(r)) r = receive(s);
    own_call(__NR_close, s);
    return r;
}

}  // namespace

long meet(wire::MeetKind what) {
    if (g_image.meet[0]) return ask(g_image.meet, what, true);
    long r = kEnoent;
    for (const char* place : wire::kMeetingPlaces)
        if (r = ask(place, what, false); !failed(r)) {
            copy_text(g_image.meet, sizeof g_image.meet, place, length(place));
            break;
        }
    return r;
}

}  // namespace undercoat::shim
