// The static program's part of shared.h.
#include "collector/shared.h"

#include <unistd.h>
#include <cerrno>
#include <climits>
#include <cstring>

namespace undercoat::collector {

Status be_the_shared_program(char** arguments) {
    char self[PATH_MAX] = {};
    if (::readlink("/proc/self/exe", self, sizeof self - 1) < 0) return Error{"/proc is not there."};
    const std::string program = std::string(self) + "-shared";
    ::execv(program.c_str(), arguments);
    return Error{program + ", which knows PostgreSQL and NATS, cannot be run: " + std::strerror(errno) +
                 ". Its libraries are those of Debian's packages libpq5 and libnats3.4."};
}

Result<std::unique_ptr<Backend>> open_shared_backend(const SharedSettings&, const StoreSettings&, std::function<void(const std::string&)>) {
    return Error{"This program has no stores that are shared."};
}

Result<std::unique_ptr<Backbone>> open_shared_backbone(const SharedSettings&, std::function<void(const std::string&)>) {
    return Error{"This program has no backbone."};
}

}  // namespace undercoat::collector
