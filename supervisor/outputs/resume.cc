// Reading back what was written, see resume.h.
#include "supervisor/outputs/resume.h"

#include <charconv>
#include <sys/stat.h>
#include <unistd.h>

namespace undercoat::outputs {

WrittenLines WrittenLines::read(int fd, size_t bytes, const KeyOf& key_of) {
    WrittenLines r;
    struct stat s;
    if (::fstat(fd, &s) != 0 || !S_ISREG(s.st_mode)) return r;
    const auto size = static_cast<size_t>(s.st_size);
    const size_t from = size > bytes ? size - bytes : 0;
    std::string text(size - from, '\0');
    size_t have = 0;
    while (have < text.size()) {
        const ssize_t n = ::pread(fd, text.data() + have, text.size() - have, static_cast<off_t>(from + have));
        if (n <= 0) break;
        have += static_cast<size_t>(n);
    }
    std::string_view rest(text.data(), have);
    if (from > 0) rest.remove_prefix(std::min(rest.find('\n'), rest.size() - 1) + 1);  // begins within a line
    for (size_t end; (end = rest.find('\n')) != rest.npos; rest.remove_prefix(end + 1)) {
        std::string key = key_of(rest.substr(0, end));
        if (!key.empty()) ++r.count_[std::move(key)];
    }
    return r;
}

bool WrittenLines::take(const std::string& key) {
    if (count_.empty()) return false;
    const auto it = count_.find(key);
    if (it == count_.end()) return false;
    if (--it->second == 0) count_.erase(it);
    return true;
}

namespace {

constexpr uint64_t kSecond = 1'000'000'000, kApart = 10'000'000;

std::string event_key(std::string_view id, uint64_t ts) { return std::string(id) + "|" + std::to_string(ts / kSecond); }

}  // namespace

std::string event_line_key(std::string_view line) {
    constexpr std::string_view kId = "{\"id\":\"", kTs = "\"ts\":";
    if (!line.starts_with(kId)) return "";
    line.remove_prefix(kId.size());
    const size_t end = line.find('"'), ts = line.find(kTs);
    if (end == line.npos || ts == line.npos || ts < end) return "";
    uint64_t value = 0;
    const char* digits = line.data() + ts + kTs.size();
    const auto [stop, error] = std::from_chars(digits, line.data() + line.size(), value);
    return error != std::errc() || stop == digits ? "" : event_key(line.substr(0, end), value);
}

bool take_event(WrittenLines& written, std::string_view id, uint64_t ts) {
    if (written.take(event_key(id, ts))) return true;
    if (ts % kSecond < kApart) return written.take(event_key(id, ts - kSecond));
    return ts % kSecond > kSecond - kApart && written.take(event_key(id, ts + kSecond));
}

}  // namespace undercoat::outputs
