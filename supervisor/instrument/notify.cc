// See notify.h. The structures are the kernel's of 5.9 and later; a kernel that knows longer ones zeroes or ignores the rest.
#include "supervisor/instrument/notify.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "supervisor/instrument/held_place.h"

#ifndef SECCOMP_ADDFD_FLAG_SEND
#define SECCOMP_ADDFD_FLAG_SEND (1UL << 1)
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

namespace undercoat::instrument {

NotifyBackend::NotifyBackend(UniqueFd listener) : listener_(std::move(listener)) {
    // Wakes us on the caller's core where the kernel can (6.6): 5 µs instead of 35.
    ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
}

TrapBackend::Next TrapBackend::next_kept(Trap& trap, HeldPlace& place) {
    const Next got = next(trap);
    if (got == Next::trap) note(place, trap);
    return got;
}

TrapBackend::Next NotifyBackend::next(Trap& t) {
    seccomp_notif n{};
    return receive(n, t);
}

TrapBackend::Next NotifyBackend::next_kept(Trap& t, HeldPlace& place) { return receive(place.call, t); }

TrapBackend::Next NotifyBackend::receive(seccomp_notif& n, Trap& t) {
    if (ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_RECV, &n) != 0) {
        if (errno == EINTR) return Next::again;
        pollfd p{listener_.get(), POLLIN, 0};
        return poll(&p, 1, 0) >= 0 && p.revents & POLLHUP ? Next::finished : Next::again;
    }
    t = trap_of(n);
    return Next::trap;
}

bool NotifyBackend::pending(int milliseconds) {
    pollfd p{listener_.get(), POLLIN, 0};
    return poll(&p, 1, milliseconds) == 1 && p.revents & POLLIN;
}

bool NotifyBackend::answer(uint64_t id, int64_t value, int error, uint32_t flags) {
    seccomp_notif_resp r{};
    r.id = id;
    r.val = value;
    r.error = error;
    r.flags = flags;
    while (ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_SEND, &r) != 0)
        if (errno != EINTR) return false;
    return true;
}

bool NotifyBackend::proceed(uint64_t id) { return answer(id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE); }
bool NotifyBackend::fail(uint64_t id, int error) { return answer(id, 0, -error, 0); }
bool NotifyBackend::succeed(uint64_t id, int64_t value) { return answer(id, value, 0, 0); }

bool NotifyBackend::give_fd(uint64_t id, int fd) {
    seccomp_notif_addfd a{};
    a.id = id;
    a.srcfd = static_cast<uint32_t>(fd);
    a.newfd_flags = O_CLOEXEC;
    a.flags = SECCOMP_ADDFD_FLAG_SEND;
    if (ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_ADDFD, &a) >= 0) return true;
    if (errno != EINVAL) return false;
    a.flags = 0;  // before 5.14: two steps
    const int there = ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_ADDFD, &a);
    return there >= 0 && answer(id, there, 0, 0);
}

bool NotifyBackend::valid(uint64_t id) { return ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0; }

}  // namespace undercoat::instrument
