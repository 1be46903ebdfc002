// Parses /proc/PID.
#include "supervisor/state/proc_reader.h"

#include "supervisor/event/exe_name.h"
#include "supervisor/event/flags.h"
#include "supervisor/state/same_file.h"

#include <charconv>
#include <cstring>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace undercoat::state {
namespace {

std::string read_limited(const std::string& path, size_t limit) {
    std::string out(limit, '\0');
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return {};
    size_t at = 0;
    while (at < limit) {
        const ssize_t n = ::read(fd, out.data() + at, limit - at);
        if (n <= 0) break;
        at += static_cast<size_t>(n);
    }
    ::close(fd);
    out.resize(at);
    return out;
}

std::string read_link(const std::string& path) {
    char buffer[4096];
    const ssize_t n = ::readlink(path.c_str(), buffer, sizeof buffer);
    return n > 0 ? std::string(buffer, static_cast<size_t>(n)) : std::string();
}

std::string dir_of(const std::string& root, int64_t pid) { return root + "/proc/" + std::to_string(pid); }

// The value after "Name:" in /proc/PID/status.
std::string_view status_value(std::string_view status, std::string_view name) {
    size_t at = 0;
    while ((at = status.find(name, at)) != std::string_view::npos) {
        if ((at == 0 || status[at - 1] == '\n') && at + name.size() < status.size() && status[at + name.size()] == ':') {
            std::string_view v = status.substr(at + name.size() + 1);
            v = v.substr(0, v.find('\n'));
            const size_t first = v.find_first_not_of(" \t");
            return first == std::string_view::npos ? std::string_view() : v.substr(first);
        }
        at += name.size();
    }
    return {};
}

uint64_t to_number(std::string_view text, int base = 10) {
    uint64_t n = 0;
    std::from_chars(text.data(), text.data() + text.size(), n, base);
    return n;
}

// The n-th blank-separated word.
std::string_view word(std::string_view text, unsigned n) {
    for (;; --n) {
        const size_t first = text.find_first_not_of(" \t");
        if (first == std::string_view::npos) return {};
        text.remove_prefix(first);
        const size_t end = text.find_first_of(" \t\n");
        if (n == 0) return text.substr(0, end);
        if (end == std::string_view::npos) return {};
        text.remove_prefix(end);
    }
}

std::string_view last_word(std::string_view text) {
    const size_t at = text.find_last_of(" \t");
    return at == std::string_view::npos ? text : text.substr(at + 1);
}

uint64_t boot_time_ns() {
    timespec real, boot;
    clock_gettime(CLOCK_REALTIME, &real);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    return static_cast<uint64_t>(real.tv_sec - boot.tv_sec) * 1000000000u + static_cast<uint64_t>(real.tv_nsec) -
           static_cast<uint64_t>(boot.tv_nsec);
}

void take_stat(Thread& t, std::string_view stat) {
    const size_t close = stat.rfind(')');
    if (close == std::string_view::npos) return;
    const std::string_view rest = stat.substr(close + 1);  // state is word 0, ppid word 1
    t.ppid = static_cast<int64_t>(to_number(word(rest, 1)));
    t.pgid = static_cast<int64_t>(to_number(word(rest, 2)));
    t.sid = static_cast<int64_t>(to_number(word(rest, 3)));
    t.tty = static_cast<uint32_t>(to_number(word(rest, 4)));
    t.pgft_min = to_number(word(rest, 7));
    t.pgft_maj = to_number(word(rest, 9));
    const uint64_t ticks = to_number(word(rest, 19));
    t.clone_ts = boot_time_ns() + ticks * (1000000000u / static_cast<uint64_t>(sysconf(_SC_CLK_TCK)));
}

void take_status(Thread& t, std::string_view status) {
    const std::string_view uid = status_value(status, "Uid"), gid = status_value(status, "Gid");
    t.ruid = static_cast<uint32_t>(to_number(word(uid, 0)));
    t.uid = static_cast<uint32_t>(to_number(word(uid, 1)));
    t.suid = static_cast<uint32_t>(to_number(word(uid, 2)));
    t.rgid = static_cast<uint32_t>(to_number(word(gid, 0)));
    t.gid = static_cast<uint32_t>(to_number(word(gid, 1)));
    t.sgid = static_cast<uint32_t>(to_number(word(gid, 2)));
    t.cap_inheritable = to_number(status_value(status, "CapInh"), 16);
    t.cap_permitted = to_number(status_value(status, "CapPrm"), 16);
    t.cap_effective = to_number(status_value(status, "CapEff"), 16);
    const std::string_view nstgid = status_value(status, "NStgid");
    t.vpid = nstgid.empty() ? t.pid : static_cast<int64_t>(to_number(last_word(nstgid)));
    t.vtid = t.vpid;
    const std::string_view nspgid = status_value(status, "NSpgid");
    t.vpgid = nspgid.empty() ? t.pgid : static_cast<int64_t>(to_number(last_word(nspgid)));
    t.vm_size_kb = to_number(status_value(status, "VmSize"));
    t.vm_rss_kb = to_number(status_value(status, "VmRSS"));
    t.vm_swap_kb = to_number(status_value(status, "VmSwap"));
}

std::shared_ptr<const Image> read_image(const std::string& dir, size_t limit) {
    auto image = std::make_shared<Image>();
    constexpr size_t kFalcoLimit = 4096;
    std::vector<std::string> argv = split_nul(read_limited(dir + "/cmdline", std::min(limit, kFalcoLimit)), kFalcoLimit);
    if (!argv.empty()) image->exe = argv.front(), argv.erase(argv.begin());
    image->args = std::move(argv);
    image->env = split_nul(read_limited(dir + "/environ", std::min(limit, kFalcoLimit)), kFalcoLimit);
    const std::string link = read_link(dir + "/exe");
    image->exepath = event::exe_name(link);
    struct stat st {};
    if (::stat((dir + "/exe").c_str(), &st) == 0) {
        image->exe_ino = st.st_ino;
        image->exe_ctime = static_cast<uint64_t>(st.st_ctim.tv_sec) * 1000000000u + static_cast<uint64_t>(st.st_ctim.tv_nsec);
        image->exe_mtime = static_cast<uint64_t>(st.st_mtim.tv_sec) * 1000000000u + static_cast<uint64_t>(st.st_mtim.tv_nsec);
    }
    if (link.starts_with("/memfd:")) image->flags |= event::kPpmExeFromMemfd;
    return image;
}

template <class F>
void each_number(const std::string& dir, size_t limit, F f) {
    const std::unique_ptr<DIR, int (*)(DIR*)> d(opendir(dir.c_str()), closedir);
    if (!d) return;
    while (const dirent* e = readdir(d.get())) {
        int64_t n;
        const char* end = e->d_name + std::strlen(e->d_name);
        if (std::from_chars(e->d_name, end, n).ptr != end) continue;
        if (limit-- == 0) return;
        f(n);
    }
}

}  // namespace

std::vector<std::string> split_nul(std::string_view text, size_t limit) {
    std::vector<std::string> out;
    text = text.substr(0, limit);
    while (!text.empty()) {
        const size_t end = text.find('\0');
        out.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    return out;
}

std::string cgroups_from_proc(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        const size_t first = line.find(':');
        const size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
        if (second == std::string_view::npos) continue;
        const std::string_view names = line.substr(first + 1, second - first - 1);
        out.append(names.empty() ? "unified" : names).append("=").append(line.substr(second + 1));
        out.push_back('\0');
    }
    return out;
}

std::optional<Thread> read_process(const std::string& root, int64_t pid, size_t text_limit) {
    const std::string dir = dir_of(root, pid);
    const std::string stat = read_limited(dir + "/stat", 4096);
    if (stat.empty()) return std::nullopt;
    Thread t;
    t.tid = t.pid = pid;
    take_stat(t, stat);
    take_status(t, read_limited(dir + "/status", 8192));
    t.comm = t.kernel_comm = read_comm(root, pid, pid);
    t.image = read_image(dir, text_limit);
    t.cwd = read_link(dir + "/cwd");
    t.root = read_link(dir + "/root");
    if (t.root.empty()) t.root = "/";
    const std::string login = read_limited(dir + "/loginuid", 32);
    if (!login.empty()) t.loginuid = static_cast<uint32_t>(to_number(login));
    t.cgroups = cgroups_from_proc(read_limited(dir + "/cgroup", 4096));
    return t;
}

std::string read_comm(const std::string& root, int64_t pid, int64_t tid) {
    std::string s = read_limited(dir_of(root, pid) + "/task/" + std::to_string(tid) + "/comm", 64);
    if (!s.empty() && s.back() == '\n') s.pop_back();
    return s;
}

int64_t read_tgid(const std::string& root, int64_t tid) {
    const std::string status = read_limited(dir_of(root, tid) + "/status", 4096);
    const std::string_view v = status_value(status, "Tgid");
    return v.empty() ? -1 : static_cast<int64_t>(to_number(v));
}

std::vector<std::pair<int64_t, FdInfo>> read_fds(const std::string& root, int64_t pid, size_t limit) {
    std::vector<std::pair<int64_t, FdInfo>> out;
    const std::string dir = dir_of(root, pid) + "/fd";
    each_number(dir, limit, [&](int64_t n) {
        const std::string text = read_link(dir + "/" + std::to_string(n));
        if (!text.empty()) out.emplace_back(n, fd_from_proc_text(text, !says_deleted(text) || !exists_now(text)));
    });
    return out;
}

std::vector<int64_t> read_tids(const std::string& root, int64_t pid, size_t limit) {
    std::vector<int64_t> out;
    each_number(dir_of(root, pid) + "/task", limit, [&](int64_t n) { out.push_back(n); });
    return out;
}

std::vector<std::pair<int64_t, int64_t>> read_parents(const std::string& root) {
    std::vector<std::pair<int64_t, int64_t>> out;
    each_number(root + "/proc", 1 << 20, [&](int64_t pid) {
        const std::string stat = read_limited(dir_of(root, pid) + "/stat", 1024);
        const size_t close = stat.rfind(')');
        if (close == std::string::npos) return;
        out.emplace_back(pid, static_cast<int64_t>(to_number(word(std::string_view(stat).substr(close + 1), 1))));
    });
    return out;
}

}  // namespace undercoat::state
