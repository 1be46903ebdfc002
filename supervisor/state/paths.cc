// Lexical path arithmetic.
#include "supervisor/state/paths.h"

#include <algorithm>

namespace undercoat::state {

namespace {

// Appends one more piece of a path to a collapsed one; `out` is empty or begins with a separator and ends in none.
void append_collapsed(std::string_view path, std::string& out) {
    for (size_t at = 0; at < path.size();) {
        const size_t end = std::min(path.find('/', at), path.size());
        const std::string_view part = path.substr(at, end - at);
        if (part == "..") {
            if (!out.empty()) out.resize(out.rfind('/'));
        } else if (!part.empty() && part != ".") {
            out.append(1, '/').append(part);
        }
        at = end + 1;
    }
}

}  // namespace

std::string collapse(std::string_view path) {
    std::string out;
    out.reserve(path.size() + 1);
    append_collapsed(path, out);
    return out.empty() ? "/" : out;
}

void squeeze(std::string_view path, std::string& out) {
    out.clear();
    for (char c : path)
        if (c != '/' || out.empty() || out.back() != '/') out.push_back(c);
}

std::string squeeze(std::string_view path) {
    std::string out;
    out.reserve(path.size());
    squeeze(path, out);
    return out;
}

void argument_path(std::string_view dir, std::string_view path, std::string& out) {
    if (path.empty() || path.front() != '/') return file_name(dir, path, out);
    out = path.size() >= kMaxFalcoPath ? std::string_view(kPathTooLong) : path;
}

std::string argument_path(std::string_view dir, std::string_view path) {
    std::string out;
    argument_path(dir, path, out);
    return out;
}

void file_name(std::string_view dir, std::string_view path, std::string& out) {
    out.clear();
    const bool absolute = !path.empty() && path.front() == '/';
    if (path.size() >= kMaxFalcoPath) {
        out = kPathTooLong;
        return;
    }
    if (!absolute && dir.empty()) {
        // An unknown directory is no absolute path: what stands after it is shown as it is.
        out.append("<UNKNOWN>/").append(path);
    } else {
        if (!absolute) append_collapsed(dir, out);
        append_collapsed(path, out);
        if (out.empty()) out = "/";
    }
    if (out.size() >= kMaxFalcoPath) out = kPathTooLong;
}

std::string file_name(std::string_view dir, std::string_view path) {
    std::string out;
    out.reserve(dir.size() + path.size() + 2);
    file_name(dir, path, out);
    return out;
}

}  // namespace undercoat::state
