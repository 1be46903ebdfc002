// Hooks of socket calls, and of the name look-ups that no kernel agent can see.
//
// Must stay true: a call that may block stays a cancellation point where threads can be cancelled (invoke.cc); data
// that is sent or received is never touched; sends without an address are passed on with one branch.
#include "libshim/emit.h"
#include "libshim/invoke.h"
#include "libshim/readable.h"
#include "libshim/text.h"

#include <asm/unistd.h>

using namespace undercoat;
using namespace undercoat::shim;
using wire::Call;

#define UC_INT(...) return static_cast<int>(__VA_ARGS__)

constexpr int kSockNonblock = 04000, kSockKind = 0xf, kSockStream = 1;
constexpr uint16_t kInet = 2, kInet6 = 10;

UC_EXPORT int socket(int domain, int type, int protocol) {
    const long fd = call<Call::socket>(domain, type, protocol);
    note_nonblocking(fd, type & kSockNonblock);
    note_streaming(fd, (type & kSockKind) == kSockStream && (domain == kInet || domain == kInet6));
    return static_cast<int>(fd);
}
UC_EXPORT int bind(int fd, const void* address, uint32_t n) { UC_INT(call<Call::bind>(fd, address, n)); }
UC_EXPORT int listen(int fd, int backlog) { UC_INT(call<Call::listen>(fd, backlog)); }
// What becomes of a connection the trap cannot know, and rules ask for it: no process is too young for a ring then.
static void be_ready_to_tell(int fd) {
    constexpr int kSolSocket = 1, kSoDomain = 39;
    if (managed() || g_image.meet[0] || g_image.off || t_in_vfork_child || g_image.foreign_children) return;
    int domain = 0;
    uint32_t size = sizeof domain;
    if (!failed(own_call(__NR_getsockopt, fd, kSolSocket, kSoDomain, &domain, &size)) && (domain == kInet || domain == kInet6)) enlist_now();
}

UC_EXPORT int connect(int fd, const void* address, uint32_t n) {
    be_ready_to_tell(fd);
    UC_INT(call<Call::connect, may_block>(fd, address, n));
}
UC_EXPORT int accept(int fd, void* address, uint32_t* n) {
    const long accepted = call<Call::accept, may_block>(fd, address, n);
    note_nonblocking(accepted, false);
    return static_cast<int>(accepted);
}
UC_EXPORT int accept4(int fd, void* address, uint32_t* n, int flags) {
    if (!flags && g_image.musl) return accept(fd, address, n);
    const long accepted = call<Call::accept4, may_block>(fd, address, n, flags);
    note_nonblocking(accepted, flags & kSockNonblock);
    return static_cast<int>(accepted);
}

UC_EXPORT long sendto(int fd, const void* data, size_t size, int flags, const void* address, uint32_t n) {
    const uint64_t a[6] = {to_register(fd), to_register(data), size, to_register(flags), to_register(address), n};
    constexpr Descriptor d = describe<Call::sendto>(may_block);
    return libc_result(address ? invoke(d, a) : pass_through(d, a));
}

namespace {

struct MessageHeader {
    void* name;
    uint32_t name_size;
    void* iov;
    size_t iov_count;
    void* control;
    size_t control_size;
    int flags;
};

// sendmsg is never trapped; only messages to an address are recorded.
long send_message(const uint64_t (&a)[6]) {
    constexpr Descriptor d = describe<Call::sendmsg>(may_block);
    const Process* p = managed();
    if (!p || !wire::bit(p->ring.control->wanted, d.call)) return pass_through(d, a);
    const long result = pass_through(d, a);
    if (failed(result)) return result;
    MessageHeader m;  // the kernel has read it
    __builtin_memcpy(&m, reinterpret_cast<const void*>(a[1]), sizeof m);
    if (!m.name || m.name_size > 128) return result;
    uint8_t address[128];
    __builtin_memcpy(address, m.name, m.name_size);
    const Piece piece{wire::Tag::sockaddr, 1, static_cast<uint16_t>(m.name_size), address};
    emit(p->ring, {wire::RecordKind::call, d.call, 0, result, a, 3, &piece, 1});
    return result;
}

struct AddressInfo {  // glibc and musl alike
    int flags, family, socktype, protocol;
    uint32_t address_size;
    const uint8_t* address;
    char* canonical;
    AddressInfo* next;
};
struct HostEntry {
    char* name;
    char** aliases;
    int family;
    int size;
    char** addresses;
};

// Name look-ups: the name asked, and the addresses as struct sockaddr_in or sockaddr_in6.
struct Lookup {
    static constexpr size_t kMost = 16;
    uint8_t addresses[kMost * 28];
    uint32_t size = 0;
    void add_socket_address(const uint8_t* p, uint32_t n) {
        if (size + n > sizeof addresses) return;
        __builtin_memcpy(addresses + size, p, n);
        size += n;
    }
    void add_host(int family, const char* p) {
        uint8_t s[28] = {static_cast<uint8_t>(family)};
        __builtin_memcpy(s + (family == kInet ? 4 : 8), p, family == kInet ? 4 : 16);
        add_socket_address(s, family == kInet ? 16 : 28);
    }
};

Process* names_wanted() {
    Process* p = managed();
    return p && __atomic_load_n(&p->ring.control->names_wanted, __ATOMIC_RELAXED) ? p : nullptr;
}

void report(const Process& p, const char* name, const Lookup& l, int result) {
    const size_t n = length(name);
    const Piece pieces[2] = {{wire::Tag::path, 0, static_cast<uint16_t>(n > wire::kMaxPath ? wire::kMaxPath : n), name},
                             {wire::Tag::addresses, 0, static_cast<uint16_t>(l.size), l.addresses}};
    emit(p.ring, {wire::RecordKind::name, wire::kNoCall, 0, result, nullptr, 0, pieces, l.size ? 2U : 1U});
}

void report_host(const char* name, const HostEntry* h, int result) {
    const Process* p = names_wanted();
    if (!p || !name) return;
    Lookup l;
    if (h && (h->family == kInet || h->family == kInet6))
        for (char** a = h->addresses; a && *a; a++) l.add_host(h->family, *a);
    report(*p, name, l, result);
}

}  // namespace

UC_EXPORT long sendmsg(int fd, const void* message, int flags) {
    const uint64_t a[6] = {to_register(fd), to_register(message), to_register(flags)};
    return libc_result(send_message(a));
}

UC_EXPORT int getaddrinfo(const char* node, const char* service, const AddressInfo* hints, AddressInfo** out) {
    enlist_now();  // nobody but us sees the name
    const auto real = UC_REAL(getaddrinfo);
    if (!real) return -11;  // EAI_SYSTEM
    const int r = real(node, service, hints, out);
    const Process* p = names_wanted();
    if (!p || !node) return r;
    Lookup l;
    if (r == 0)
        for (const AddressInfo* i = *out; i; i = i->next)
            if (i->family == kInet ? i->address_size == 16 : i->family == kInet6 && i->address_size == 28)
                l.add_socket_address(i->address, i->address_size);
    report(*p, node, l, r);
    return r;
}

UC_EXPORT HostEntry* gethostbyname(const char* name) {
    enlist_now();
    const auto real = UC_REAL(gethostbyname);
    HostEntry* h = real ? real(name) : nullptr;
    report_host(name, h, h ? 0 : -1);
    return h;
}
UC_EXPORT HostEntry* gethostbyname2(const char* name, int family) {
    enlist_now();
    const auto real = UC_REAL(gethostbyname2);
    HostEntry* h = real ? real(name, family) : nullptr;
    report_host(name, h, h ? 0 : -1);
    return h;
}
UC_EXPORT int gethostbyname_r(const char* name, HostEntry* e, char* buffer, size_t n, HostEntry** out, int* error) {
    enlist_now();
    const auto real = UC_REAL(gethostbyname_r);
    if (!real) return 38;
    const int r = real(name, e, buffer, n, out, error);
    report_host(name, r == 0 ? *out : nullptr, r);
    return r;
}
UC_EXPORT int gethostbyname2_r(const char* name, int family, HostEntry* e, char* buffer, size_t n, HostEntry** out,
                               int* error) {
    enlist_now();
    const auto real = UC_REAL(gethostbyname2_r);
    if (!real) return 38;
    const int r = real(name, family, e, buffer, n, out, error);
    report_host(name, r == 0 ? *out : nullptr, r);
    return r;
}
