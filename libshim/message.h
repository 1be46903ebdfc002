// The kernel's structures for messages on sockets, and the constants that go with them.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace undercoat::shim {

constexpr int kAfUnix = 1, kSockSeqpacketCloexec = 5 | 02000000, kMsgNosignal = 0x4000, kMsgCmsgCloexec = 0x40000000;
constexpr int kSolSocket = 1, kScmRights = 1, kScmCredentials = 2;

struct Iovec {
    const void* base;
    size_t size;
};
struct Message {  // msghdr
    void* name;
    uint32_t name_size;
    Iovec* iov;
    size_t iov_count;
    void* control;
    size_t control_size;
    int flags;
};
struct Control {  // a cmsghdr with room for two descriptors
    size_t size;
    int level;
    int type;
    int fds[2];
};
struct Credentials {  // a cmsghdr with a ucred; without the padding
    size_t size;
    int level;
    int type;
    int32_t pid;
    uint32_t uid, gid, padding;
};
struct UnixAddress {  // sockaddr_un
    uint16_t family;
    char path[108];
};
inline constexpr size_t kOneDescriptor = sizeof(Control) - sizeof(int);

}  // namespace undercoat::shim
