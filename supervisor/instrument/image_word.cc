// See image_word.h.
#include "supervisor/instrument/image_word.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/instrument/fds.h"
#include "supervisor/instrument/procinfo.h"

namespace undercoat::instrument {

bool parse_word(char* message, size_t n, ToldImage& out) {
    wire::ImageWord& w = out.word;
    if (n < sizeof w) return false;
    memcpy(&w, message, sizeof w);
    if (w.head.magic != wire::kRingMagic || w.head.abi != wire::kAbi || w.head.what != static_cast<uint32_t>(wire::WordKind::image)) return false;
    char* at = message + sizeof w;
    size_t left = n - sizeof w;
    const auto take = [&](uint32_t size, size_t most, std::string_view& text) {
        if (size > most || size > left) return false;
        text = {at, size};
        at += size, left -= size;
        return true;
    };
    if (!take(w.exe, wire::kMaxPath, out.exe) || !take(w.cwd, wire::kMaxPath, out.cwd) || !take(w.name, wire::kMaxPath, out.name) ||
        !take(w.argv, wire::kMaxArgs, out.argv))
        return false;
    char* const env = at;
    if (!take(w.envp, wire::kWordEnv, out.envp) || left != 0) return false;
    out.envp = {env, std::min(strip_additions(env, w.envp), wire::kMaxEnv)};
    w.comm[sizeof w.comm - 1] = 0;
    return true;
}

bool WordSocket::open(const std::string& meeting_place) {
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    const std::string path = meeting_place + wire::kWordSuffix;
    UniqueFd s(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1;
    constexpr rlim_t kFew = 64;  // of descriptors: those that there are have better uses
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < kFew) return false;
    if (!s || path.size() >= sizeof a.sun_path || setsockopt(s.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0) return false;
    memcpy(a.sun_path, path.c_str(), path.size() + 1);
    unlink(path.c_str());  // whoever holds the meeting place holds this, too
    if (bind(s.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a) != 0) return false;
    chmod(path.c_str(), 0777);
    memory_ = std::make_unique_for_overwrite<char[]>(kBatch * wire::kMostWord);
    socket_ = move_high(std::move(s));
    path_ = path;
    return true;
}

void WordSocket::close() {
    if (!path_.empty()) unlink(path_.c_str());
    path_.clear();
    socket_.reset();
}

namespace {

pid_t sender_of(msghdr& m) {
    for (const cmsghdr* c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, const_cast<cmsghdr*>(c))) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS || c->cmsg_len < CMSG_LEN(sizeof(ucred))) continue;
        ucred who{};
        memcpy(&who, CMSG_DATA(c), sizeof who);
        return who.pid;
    }
    return 0;
}

// Descriptors are not asked for: whoever sends some has them closed.
void close_descriptors(msghdr& m) {
    for (cmsghdr* c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
        for (size_t at = CMSG_LEN(0); at + sizeof(int) <= c->cmsg_len; at += sizeof(int)) {
            int fd = -1;
            memcpy(&fd, reinterpret_cast<const char*>(c) + at, sizeof fd);
            if (fd >= 0) ::close(fd);
        }
    }
}

// Whether the sender of a message is still named after it has been reaped. True where that cannot be tried: then nobody's claim counts.
bool kernel_remembers_senders() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) != 0) return true;
    const UniqueFd ours(ends[0]), theirs(ends[1]);
    const int on = 1;
    if (setsockopt(ours.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0) return true;
    const pid_t child = fork();
    if (child == 0) _exit(send(theirs.get(), "", 1, 0) == 1 ? 0 : 1);
    int status = -1;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    if (status != 0) return true;
    char byte;
    iovec part{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))];
    msghdr m{nullptr, 0, &part, 1, control, sizeof control, 0};
    return recvmsg(ours.get(), &m, MSG_DONTWAIT) != 1 || sender_of(m) == child;
}

// Whom a word names as its sender; 0: nobody.
pid_t claimed_sender(const char* message, size_t n) {
    wire::WordHead head;
    if (n < sizeof head) return 0;
    memcpy(&head, message, sizeof head);
    size_t at = sizeof head;
    if (head.what == static_cast<uint32_t>(wire::WordKind::image)) at = offsetof(wire::ImageWord, pid);
    else at += offsetof(wire::RecordHeader, pid);
    uint32_t pid = 0;
    if (n >= at + sizeof pid) memcpy(&pid, message + at, sizeof pid);
    return static_cast<pid_t>(pid);
}

void hear(pid_t pid, char* message, size_t n, const WordSocket::Ears& ears) {
    ToldImage image;
    if (parse_word(message, n, image)) return ears.image(pid, image);
    wire::WordHead head;
    if (n < sizeof head) return;
    memcpy(&head, message, sizeof head);
    if (head.magic != wire::kRingMagic || head.abi != wire::kAbi || head.what != static_cast<uint32_t>(wire::WordKind::record)) return;
    ears.record(pid, static_cast<pid_t>(head.ppid), reinterpret_cast<const uint8_t*>(message) + sizeof head, n - sizeof head);
}

}  // namespace

pid_t WordSocket::sender(pid_t vouched, const char* message, size_t n) {
    if (vouched > 0) return vouched;
    if (!forgetful_) forgetful_ = !kernel_remembers_senders();
    const pid_t claimed = *forgetful_ ? claimed_sender(message, n) : 0;
    Stat now;
    return claimed > 1 && (!read_stat(claimed, now) || now.state == 'Z' || now.state == 'X') ? claimed : 0;
}

void WordSocket::receive(const Ears& ears) {
    struct alignas(cmsghdr) Control {
        char bytes[CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(sizeof(int))];
    };
    for (unsigned taken = 0; socket_ && taken < kTurn; taken += kBatch) {
        mmsghdr messages[kBatch] = {};
        iovec parts[kBatch];
        Control controls[kBatch];
        for (unsigned i = 0; i < kBatch; ++i) {
            parts[i] = {memory_.get() + i * wire::kMostWord, wire::kMostWord};
            messages[i].msg_hdr = {nullptr, 0, &parts[i], 1, &controls[i], sizeof controls[i], 0};
        }
        const int n = recvmmsg(socket_.get(), messages, kBatch, MSG_DONTWAIT | MSG_CMSG_CLOEXEC, nullptr);
        for (int i = 0; i < n; ++i) {
            msghdr& m = messages[i].msg_hdr;
            char* const message = static_cast<char*>(parts[i].iov_base);
            const pid_t pid = sender(sender_of(m), message, messages[i].msg_len);
            close_descriptors(m);
            if (pid > 0 && (m.msg_flags & MSG_TRUNC) == 0) hear(pid, message, messages[i].msg_len, ears);
        }
        if (n < static_cast<int>(kBatch)) return;
    }
}

}  // namespace undercoat::instrument
