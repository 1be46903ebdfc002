// What the probes share, see probe.h.
#include "supervisor/cli/probes/probe.h"

#include <fstream>

namespace undercoat::cli {

std::string first_line(const char* path) {
    std::ifstream in(path);
    std::string line;
    std::getline(in, line);
    return line;
}

std::string status_value(const char* key) {
    std::ifstream in("/proc/self/status");
    const std::string prefix = std::string(key) + ":";
    for (std::string line; std::getline(in, line);) {
        if (line.compare(0, prefix.size(), prefix) != 0) continue;
        const size_t at = line.find_first_not_of(" \t", prefix.size());
        return at == line.npos ? "" : line.substr(at);
    }
    return "";
}

}  // namespace undercoat::cli
