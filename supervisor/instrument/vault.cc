// See vault.h.
#include "supervisor/instrument/vault.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <sys/socket.h>
#include <unistd.h>

#include "supervisor/instrument/fds.h"

namespace undercoat::instrument {
namespace {

constexpr size_t kBatch = 200;  // descriptors of one message; the kernel allows 253
constexpr int kQueueBytes = 1 << 20;

struct Message {
    int32_t sender;
    struct Label {
        uint32_t slot, ring_id;
    } labels[kBatch];
};

}  // namespace

bool Vault::open() {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) return false;
    in_ = move_high(UniqueFd(pair[0]));
    out_ = move_high(UniqueFd(pair[1]));
    setsockopt(in_.get(), SOL_SOCKET, SO_SNDBUF, &kQueueBytes, sizeof kQueueBytes);
    return in_ && out_;
}

bool Vault::send(std::span<const VaultItem> items) {
    Message message;
    message.sender = getpid();
    alignas(cmsghdr) char control[CMSG_SPACE(kBatch * sizeof(int))] = {};
    iovec part{&message, offsetof(Message, labels) + items.size() * sizeof *message.labels};
    msghdr m{};
    m.msg_iov = &part;
    m.msg_iovlen = 1;
    m.msg_control = control;
    m.msg_controllen = CMSG_SPACE(items.size() * sizeof(int));
    cmsghdr* c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(items.size() * sizeof(int));
    for (size_t i = 0; i < items.size(); ++i) {
        message.labels[i] = {items[i].slot, items[i].ring_id};
        memcpy(CMSG_DATA(c) + i * sizeof(int), &items[i].fd, sizeof(int));
    }
    ssize_t r;
    do r = sendmsg(in_.get(), &m, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (r < 0 && errno == EINTR);
    if (r < 0) return false;
    ++messages_;
    return true;
}

bool Vault::keep(const VaultItem& item) { return in_ && send({&item, 1}); }

bool Vault::replace(std::span<const VaultItem> items) {
    if (!in_) return false;
    size_t old = messages_;
    // Older copies go only when the new ones are there, but where there is no room for both.
    for (size_t at = 0; at < items.size(); at += kBatch)
        while (!send(items.subspan(at, std::min(kBatch, items.size() - at)))) {
            if (old == 0 || !receive(nullptr, false)) return false;
            --old;
        }
    for (; old != 0 && receive(nullptr, false); --old) {}
    return true;
}

// A null `out` closes what came.
bool Vault::receive(std::vector<Kept>* out, bool look, int32_t but_not) {
    Message message{};
    alignas(cmsghdr) char control[CMSG_SPACE(kBatch * sizeof(int))] = {};
    iovec part{&message, sizeof message};
    msghdr m{};
    m.msg_iov = &part;
    m.msg_iovlen = 1;
    m.msg_control = control;
    m.msg_controllen = sizeof control;
    ssize_t r;
    do r = recvmsg(out_.get(), &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | (look ? MSG_PEEK : 0));
    while (r < 0 && errno == EINTR);
    if (r <= 0) return false;
    if (!look && messages_ > 0) --messages_;
    const bool wanted = message.sender != but_not;
    const cmsghdr* c = CMSG_FIRSTHDR(&m);
    if (!c || c->cmsg_type != SCM_RIGHTS) return wanted;
    const size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < n; ++i) {
        int fd = -1;
        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
        UniqueFd owned(fd);
        if (out && wanted && i < kBatch) out->push_back({message.labels[i].slot, message.labels[i].ring_id, move_high(std::move(owned))});
    }
    return wanted;
}

// Turns the queue round once: what this process has sent is at its end.
std::vector<Kept> Vault::look() {
    std::vector<Kept> all;
    size_t done = 0;
    messages_ = 0;
    while (out_ && receive(&all, true, getpid())) {
        std::vector<VaultItem> items;
        for (; done < all.size(); ++done) items.push_back({all[done].slot, all[done].ring_id, all[done].fd.get()});
        if (!items.empty() && !send(items)) break;
        ++messages_;
        receive(nullptr, false);
    }
    return all;
}

}  // namespace undercoat::instrument
