// See resolve.h.
#include "supervisor/outputs/resolve.h"

#include "net/client.h"

#include <cerrno>
#include <cstring>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace undercoat::outputs {
namespace {

void limit_waiting(int fd, int timeout_ms) {
    const timeval t{timeout_ms / 1000, (timeout_ms % 1000) * 1000};
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);  // also bounds connect()
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
}

}  // namespace

Result<UniqueFd> connect_to(const std::string& host, const std::string& port, int type, int timeout_ms) {
    net::limit_name_services();
    addrinfo hints{};
    hints.ai_socktype = type;
    addrinfo* found = nullptr;
    if (const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0)
        return Error{"cannot resolve " + host + ": " + ::gai_strerror(error)};
    int error = 0;
    UniqueFd fd;
    for (const addrinfo* a = found; a && !fd; a = a->ai_next) {
        fd.reset(::socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol));
        if (!fd) continue;
        limit_waiting(fd.get(), timeout_ms);
        if (::connect(fd.get(), a->ai_addr, a->ai_addrlen) == 0) break;
        error = errno == EINPROGRESS ? ETIMEDOUT : errno;
        fd.reset();
    }
    ::freeaddrinfo(found);
    if (!fd) return Error{"cannot connect to " + host + ":" + port + ": " + std::strerror(error)};
    return fd;
}

Result<UniqueFd> connect_unix(const std::string& path, int& type, int timeout_ms) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return Error{"the path of the socket is too long: " + path};
    std::memcpy(address.sun_path, path.data(), path.size());
    for (const int t : {SOCK_DGRAM, SOCK_STREAM}) {
        UniqueFd fd(::socket(AF_UNIX, t | SOCK_CLOEXEC, 0));
        if (!fd) break;
        limit_waiting(fd.get(), timeout_ms);
        if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
            type = t;
            return fd;
        }
        if (errno != EPROTOTYPE) break;
    }
    return Error{"cannot connect to " + path + ": " + std::strerror(errno)};
}

}  // namespace undercoat::outputs
