// See identity.h.
#include "uplink/identity.h"

#include "base/unique_fd.h"

#include <fcntl.h>
#include <unistd.h>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>

namespace undercoat::uplink {

std::string agent_id(const std::string& directory) {
    const std::string path = directory + "/agent";
    char text[33] = {};
    if (!directory.empty()) {
        UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
        if (fd && ::read(fd.get(), text, 32) == 32 && std::strspn(text, "0123456789abcdef") == 32) return text;
    }
    unsigned char bytes[16] = {};
    UniqueFd random(::open("/dev/urandom", O_RDONLY | O_CLOEXEC));
    if (!random || ::read(random.get(), bytes, sizeof bytes) != sizeof bytes) {
        const auto now = static_cast<uint64_t>(::time(nullptr)), pid = static_cast<uint64_t>(::getpid());
        std::memcpy(bytes, &now, 8);
        std::memcpy(bytes + 8, &pid, 8);
    }
    for (size_t i = 0; i < 16; ++i) std::snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    if (!directory.empty()) {
        UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (fd && ::write(fd.get(), text, 32) != 32) ::unlink(path.c_str());
    }
    return text;
}

}  // namespace undercoat::uplink
