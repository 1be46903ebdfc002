// Reads passwd and group.
#include "supervisor/state/container.h"

#include <charconv>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace undercoat::state {
namespace {

constexpr size_t kMostBytes = 1 << 20;

uint64_t stamp_of(const std::string& path) {
    struct stat st {};
    if (::stat(path.c_str(), &st) != 0) return 1;
    return static_cast<uint64_t>(st.st_mtim.tv_sec) * 1000000007u + static_cast<uint64_t>(st.st_mtim.tv_nsec) +
           static_cast<uint64_t>(st.st_ino) * 31u + static_cast<uint64_t>(st.st_size) + 2;
}

// Regular files only: the workload may put anything there, a fifo would hold us up.
std::string read_file(const std::string& path) {
    std::string out;
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return out;
    struct stat st {};
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        char buffer[16384];
        ssize_t n;
        while (out.size() < kMostBytes && (n = ::read(fd, buffer, sizeof buffer)) > 0)
            out.append(buffer, static_cast<size_t>(n));
    }
    ::close(fd);
    return out;
}

template <class F>
void each_line(std::string_view text, F f) {
    while (!text.empty()) {
        const size_t end = text.find('\n');
        f(text.substr(0, end));
        if (end == std::string_view::npos) return;
        text.remove_prefix(end + 1);
    }
}

std::string_view field(std::string_view line, unsigned n) {
    for (; n > 0; --n) {
        const size_t colon = line.find(':');
        if (colon == std::string_view::npos) return {};
        line.remove_prefix(colon + 1);
    }
    return line.substr(0, line.find(':'));
}

bool number(std::string_view text, uint32_t& out) {
    const auto r = std::from_chars(text.data(), text.data() + text.size(), out);
    return !text.empty() && r.ec == std::errc{} && r.ptr == text.data() + text.size();
}

}  // namespace

void Users::refresh(uint64_t now) {
    if (!read_files_ || (looked_ != 0 && now >= looked_ && now - looked_ < 1'000'000'000)) return;
    looked_ = now == 0 ? 1 : now;
    const std::string passwd = root_ + "/etc/passwd", group = root_ + "/etc/group";
    if (const uint64_t stamp = stamp_of(passwd); stamp != passwd_stamp_) {
        passwd_stamp_ = stamp;
        users_ = fixed_users_;
        each_line(read_file(passwd), [&](std::string_view line) {
            User u;
            if (!number(field(line, 2), u.uid) || !number(field(line, 3), u.gid)) return;
            u.name = field(line, 0), u.home = field(line, 5), u.shell = field(line, 6);
            users_.emplace(u.uid, std::move(u));  // the first entry of an id counts, as in libc
        });
    }
    if (const uint64_t stamp = stamp_of(group); stamp != group_stamp_) {
        group_stamp_ = stamp;
        groups_ = fixed_groups_;
        each_line(read_file(group), [&](std::string_view line) {
            Group g;
            if (!number(field(line, 2), g.gid)) return;
            g.name = field(line, 0);
            groups_.emplace(g.gid, std::move(g));
        });
    }
}

const User* Users::user(uint32_t uid, uint64_t now) {
    refresh(now);
    const auto it = users_.find(uid);
    return it == users_.end() ? nullptr : &it->second;
}

const Group* Users::group(uint32_t gid, uint64_t now) {
    refresh(now);
    const auto it = groups_.find(gid);
    return it == groups_.end() ? nullptr : &it->second;
}

}  // namespace undercoat::state
