// Commands that become another program of the bundle.
#include "supervisor/cli/commands.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <unistd.h>

namespace undercoat::cli {

std::string own_directory() {
    char path[4096];
    const ssize_t n = ::readlink("/proc/self/exe", path, sizeof path);
    if (n <= 0 || n == static_cast<ssize_t>(sizeof path)) return "";
    const std::string self(path, static_cast<size_t>(n));
    return self.substr(0, self.rfind('/') + 1);
}

namespace {

int become(const std::string& program, char** argv) {
    const std::string path = own_directory() + program;
    ::execv(path.c_str(), argv);
    std::fprintf(stderr, "undercoat: cannot run %s: %s; it belongs beside this program\n", path.c_str(), std::strerror(errno));
    return 126;
}

}  // namespace

int run_program(const char* program, char** arguments) {
    std::vector<char*> argv{const_cast<char*>(program)};
    for (char** a = arguments; *a; ++a) argv.push_back(*a);
    argv.push_back(nullptr);
    return become(program, argv.data());
}

int replay(const std::string& file, const std::vector<std::string>& rules, const std::string& events, bool json) {
    std::vector<std::string> words{"supervisor", "--replay", file, "--alerts", "stdout"};
    for (const std::string& r : rules) words.insert(words.end(), {"--rules", r});
    if (!events.empty()) words.insert(words.end(), {"--events", events});
    if (json) words.push_back("--json");
    std::vector<char*> argv;
    for (std::string& w : words) argv.push_back(w.data());
    argv.push_back(nullptr);
    return become("supervisor", argv.data());
}

}  // namespace undercoat::cli
