// Reading back what was written, see resume.h.
#include "supervisor/outputs/resume.h"

#include <boost/json.hpp>

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

std::string event_key(std::string_view id, uint64_t ts) { return std::string(id) + "|" + std::to_string(ts); }

std::string event_line_key(std::string_view line) {
    constexpr std::string_view kId = "{\"id\":\"", kTs = "\"ts\":";
    if (!line.starts_with(kId)) return "";
    line.remove_prefix(kId.size());
    const size_t end = line.find('"'), ts = line.find(kTs);
    if (end == line.npos || ts == line.npos || ts < end) return "";
    const std::string_view digits = line.substr(ts + kTs.size());
    const size_t n = std::min(digits.find_first_not_of("0123456789"), digits.size());
    return n == 0 ? "" : std::string(line.substr(0, end)) + "|" + std::string(digits.substr(0, n));
}

std::string alert_key(std::string_view rule, std::string_view time) { return std::string(time) + "|" + std::string(rule); }

std::string json_alert_key(std::string_view line) {
    boost::system::error_code error;
    const auto value = boost::json::parse(boost::json::string_view(line.data(), line.size()), error);
    if (error || !value.is_object()) return "";
    const auto* rule = value.as_object().if_contains("rule");
    const auto* time = value.as_object().if_contains("time");
    if (!rule || !time || !rule->is_string() || !time->is_string()) return "";
    return alert_key(std::string_view(rule->as_string()), std::string_view(time->as_string()));
}

std::string text_alert_key(std::string_view line) {
    while (line.ends_with('\n')) line.remove_suffix(1);
    return std::string(line);
}

}  // namespace undercoat::outputs
