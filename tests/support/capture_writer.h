// Writes .scap captures for tests: blocks, lists and events as the format has them, plain or damaged at will.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace undercoat::test {

// Little-endian values one after the other.
class ByteText {
public:
    template <class T>
    ByteText& put(T value) {
        bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
        return *this;
    }
    ByteText& raw(std::string_view text) {
        bytes.append(text);
        return *this;
    }
    // With its 16-bit length before it.
    ByteText& text(std::string_view t) { return put(static_cast<uint16_t>(t.size())).raw(t); }
    std::string bytes;
};

struct ListedProcess {
    int64_t tid = 1, pid = 1, ppid = 0;
    std::string comm = "init", exe = "/sbin/init", args = {}, cwd = "/", cgroups = {};
    uint32_t uid = 0, gid = 0;
};

class CaptureWriter {
public:
    CaptureWriter& block(uint32_t type, std::string_view body);
    CaptureWriter& section(uint16_t major = 1, uint16_t minor = 2);
    // A process list of that version, 1 to 9.
    CaptureWriter& processes(unsigned version, const std::vector<ListedProcess>& list);
    // Version 1: no parameter count; 2: with the count; 3: with the count and long lengths. Flags as events with flags have them.
    CaptureWriter& event(unsigned version, uint16_t code, int64_t tid, const std::vector<std::string>& params, bool flags = false,
                         uint16_t cpu = 0);
    std::string bytes;

private:
    uint64_t time_ = 1'600'000'000'000'000'000;
};

template <class T>
std::string bytes_of(T value) {
    return ByteText().put(value).bytes;
}
// A text parameter, with its NUL.
inline std::string text_param(std::string_view t) { return std::string(t) + '\0'; }

// A capture with most of what the reader knows: a list of each kind, events of each version.
std::string sample_capture();

}  // namespace undercoat::test
