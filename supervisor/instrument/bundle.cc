// See bundle.h.
#include "supervisor/instrument/bundle.h"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

namespace undercoat::instrument {
namespace {

// 0, or why the file cannot be executed.
int runnable(const std::string& path) {
    struct stat st;
    if (stat(path.c_str(), &st) != 0) return errno;
    if (!S_ISREG(st.st_mode)) return EACCES;
    return access(path.c_str(), X_OK) == 0 ? 0 : errno;
}

std::string if_there(std::string path, int mode) { return access(path.c_str(), mode) == 0 ? path : std::string(); }

}  // namespace

Bundle find_bundle() {
    Bundle b;
    char buffer[PATH_MAX];
    const ssize_t n = readlink("/proc/self/exe", buffer, sizeof buffer);
    if (n > 0 && n < static_cast<ssize_t>(sizeof buffer)) b.self.assign(buffer, static_cast<size_t>(n));
    // Without /proc: the path that execve was given.
    else if (const auto* given = reinterpret_cast<const char*>(getauxval(AT_EXECFN)); given && *given == '/') b.self = given;
    std::string bin = b.self.substr(0, b.self.rfind('/'));
    const std::string root = bin.substr(0, bin.rfind('/'));
    const char* other = getenv("UNDERCOAT_SUPERVISOR");
    b.supervisor = if_there(other && *other ? other : bin + "/supervisor", X_OK);
    b.shim = if_there(root + "/lib/libshim.so", R_OK);
    return b;
}

FoundCommand find_command(const std::string& name, const char* path_variable) {
    auto fail = [&](int error) {
        return FoundCommand{name, error == ENOENT || error == ENOTDIR ? 127 : 126, name + ": " + strerror(error)};
    };
    if (name.find('/') != name.npos || name.empty()) {
        const int error = name.empty() ? ENOENT : runnable(name);
        return error ? fail(error) : FoundCommand{name, 0, {}};
    }
    int worst = ENOENT;
    std::string_view rest = path_variable ? path_variable : "/bin:/usr/bin";
    for (;;) {
        const size_t colon = rest.find(':');
        std::string dir(rest.substr(0, colon));
        const std::string candidate = dir.empty() ? "./" + name : dir + "/" + name;
        const int error = runnable(candidate);
        if (error == 0) return {candidate, 0, {}};
        if (error == EACCES) worst = EACCES;
        if (colon == rest.npos) return fail(worst);
        rest.remove_prefix(colon + 1);
    }
}

}  // namespace undercoat::instrument
