// See setup.h.
#include "collector/setup.h"

#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <csignal>
#include <filesystem>
#include <fstream>

namespace undercoat::collector {
namespace {

sigset_t ends() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int n : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, n);
    return signals;
}

}  // namespace

Status take_directory(const std::string& path, bool exclusive) {
    ::umask(077);
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) return Error{"The directory " + path + " cannot be made: " + error.message() + "."};
    if (!exclusive) return Unit{};
    const int fd = ::open((path + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return Error{"The directory " + path + " cannot be written."};
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) return Error{"Another collector uses " + path + "."};
    return Unit{};
}

std::string host_name() {
    char name[256] = {};
    return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

Status split_address(const std::string& text, std::string& address, uint16_t& port) {
    const size_t colon = text.rfind(':');
    unsigned long number = 65536;
    if (colon != text.npos && colon + 1 < text.size() && text.find_first_not_of("0123456789", colon + 1) == text.npos &&
        text.size() - colon < 7)
        number = std::stoul(text.substr(colon + 1));
    if (number > 65535) return Error{"--listen is '" + text + "'; it must be ADDRESS:PORT, such as 0.0.0.0:6443."};
    address = text.substr(0, colon);
    if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
    if (address.empty()) address = "0.0.0.0";
    port = static_cast<uint16_t>(number);
    return Unit{};
}

Status read_whole(const std::string& path, std::string& content) {
    content.clear();
    if (path.empty()) return Unit{};
    std::ifstream in(path, std::ios::binary);
    content.assign(std::istreambuf_iterator<char>(in), {});
    return content.empty() ? Status(Error{"The file " + path + " cannot be read."}) : Status(Unit{});
}

void prepare_process() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    const sigset_t signals = ends();
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
}

void wait_for_end() {
    const sigset_t signals = ends();
    int signal = SIGHUP;
    while (signal == SIGHUP) sigwait(&signals, &signal);
}

}  // namespace undercoat::collector
