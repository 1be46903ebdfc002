// Lexical path arithmetic.
#include "supervisor/state/paths.h"

#include <vector>

namespace undercoat::state {

std::string collapse(std::string_view path) {
    std::vector<std::string_view> parts;
    size_t at = 0;
    while (at < path.size()) {
        size_t end = path.find('/', at);
        if (end == std::string_view::npos) end = path.size();
        const std::string_view part = path.substr(at, end - at);
        if (part == "..") {
            if (!parts.empty()) parts.pop_back();
        } else if (!part.empty() && part != ".") {
            parts.push_back(part);
        }
        at = end + 1;
    }
    std::string out;
    out.reserve(path.size() + 1);
    for (std::string_view p : parts) out.append("/").append(p);
    return out.empty() ? "/" : out;
}

std::string squeeze(std::string_view path) {
    std::string out;
    out.reserve(path.size());
    for (char c : path)
        if (c != '/' || out.empty() || out.back() != '/') out.push_back(c);
    return out;
}

namespace {

std::string join(std::string_view dir, std::string_view path) {
    if (dir.empty()) dir = "<UNKNOWN>";
    std::string out(dir);
    if (out.back() != '/') out.push_back('/');
    out.append(path);
    return out;
}

std::string bounded(std::string path) { return path.size() >= kMaxFalcoPath ? kPathTooLong : path; }

}  // namespace

std::string argument_path(std::string_view dir, std::string_view path) {
    if (!path.empty() && path.front() == '/') return bounded(std::string(path));
    return file_name(dir, path);
}

std::string file_name(std::string_view dir, std::string_view path) {
    if (path.size() >= kMaxFalcoPath) return kPathTooLong;
    if (!path.empty() && path.front() == '/') return bounded(collapse(path));
    // An unknown directory is no absolute path: what stands after it is shown as it is.
    if (dir.empty()) return bounded(join(dir, path));
    return bounded(collapse(join(dir, path)));
}

}  // namespace undercoat::state
