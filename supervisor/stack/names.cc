// See names.h. The format of perf maps: tools/perf/Documentation/jit-interface.txt of Linux.
#include "supervisor/stack/names.h"

#include <charconv>
#include <csetjmp>
#include <cstring>
#include <unistd.h>

// The demangler of libstdc++ that hands out its result in pieces and allocates nothing.
extern "C" int __gcclibcxx_demangle_callback(const char* mangled, void (*)(const char*, size_t, void*), void*);

namespace undercoat::stack {
namespace {

constexpr size_t kMostMangled = 512, kMostLines = 200'000, kMostText = 16 << 20, kMostMaps = 32;

struct Pieces {
    std::string text;
    std::jmp_buf enough;
};

// A short name can stand for gigabytes (each part naming the one before twice): the work ends when there is enough.
void take_piece(const char* piece, size_t n, void* to) {
    auto* all = static_cast<Pieces*>(to);
    all->text.append(piece, std::min(n, kMostName - all->text.size()));
    if (all->text.size() >= kMostName) std::longjmp(all->enough, 1);
}

std::string printable(std::string s) {
    if (s.size() > kMostName) s.resize(kMostName);
    for (char& c : s)
        if (static_cast<unsigned char>(c) < ' ' || static_cast<unsigned char>(c) > '~') c = '?';
    return s;
}

}  // namespace

std::string demangled(const std::string& name) {
    if (!name.starts_with("_Z") || name.size() > kMostMangled) return printable(name);
    Pieces pieces;
    pieces.text.reserve(kMostName);
    if (setjmp(pieces.enough) == 0 && __gcclibcxx_demangle_callback(name.c_str(), take_piece, &pieces) != 0) return printable(name);
    return printable(pieces.text.empty() ? name : pieces.text);
}

PerfMap::PerfMap(std::string_view text) {
    while (!text.empty() && lines_.size() < kMostLines) {
        const size_t end = std::min(text.find('\n'), text.size());
        const char *at = text.data(), *stop = text.data() + end;
        text.remove_prefix(std::min(end + 1, text.size()));
        uint64_t start = 0, size = 0;
        const auto number = [&](uint64_t& to) {
            while (at < stop && *at == ' ') ++at;
            if (stop - at > 2 && at[0] == '0' && at[1] == 'x') at += 2;
            const auto r = std::from_chars(at, stop, to, 16);
            at = r.ptr;
            return r.ec == std::errc{};
        };
        if (!number(start) || !number(size) || at == stop || start + size < start) continue;
        lines_.push_back({start, start + size, std::string(at + 1, static_cast<size_t>(stop - at - 1)).substr(0, kMostMangled)});
    }
}

std::optional<PerfMap::Place> PerfMap::find(uint64_t address) const {
    for (auto l = lines_.rbegin(); l != lines_.rend(); ++l)
        if (address >= l->start && address < l->end) return Place{demangled(l->name), address - l->start};
    return std::nullopt;
}

const PerfMap* PerfMaps::of(int64_t pid, uint32_t vpid) {
    FileId id;
    const UniqueFd fd = open_plain(pid, "/tmp/perf-" + std::to_string(vpid) + ".map", id);
    if (!fd) return nullptr;
    if (const auto known = known_.find(pid); known != known_.end() && known->second.id == id) return &known->second.map;
    if (known_.size() >= kMostMaps) known_.clear();
    std::string text;
    char piece[16384];
    for (ssize_t n; text.size() < kMostText && (n = ::read(fd.get(), piece, sizeof piece)) > 0;) text.append(piece, static_cast<size_t>(n));
    return &known_.insert_or_assign(pid, Known{id, PerfMap(text)}).first->second.map;
}

}  // namespace undercoat::stack
