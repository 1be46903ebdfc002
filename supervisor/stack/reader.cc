// See reader.h.
#include "supervisor/stack/reader.h"

#include <cstdio>
#include <cstring>

namespace undercoat::stack {
namespace {

constexpr std::string_view kOwn = "libshim.so";

std::string module_of(const CodeMap::Range& r) {
    if (r.path.empty() || r.path.starts_with("[anon")) return "[jit]";
    std::string s = r.path.substr(r.path.rfind('/') + 1);
    if (s.size() > kMostName) s.resize(kMostName);
    for (char& c : s)
        if (static_cast<unsigned char>(c) < ' ' || static_cast<unsigned char>(c) > '~') c = '?';
    return s;
}

std::string hex(uint64_t n) {
    char s[24];
    std::snprintf(s, sizeof s, "0x%llx", static_cast<unsigned long long>(n));
    return s;
}

}  // namespace

std::string Reader::describe(const Frame& f, CodeMap& code, int64_t pid, uint32_t vpid) {
    // A return address may be the first of the next function: what called is before it.
    const uint64_t place = f.pc - 1;
    const CodeMap::Range* r = code.at(place);
    if (r == nullptr) return hex(f.pc);
    const std::string in = " (" + module_of(*r) + ")";
    if (r->file) {
        const uint64_t address = place - r->bias;
        auto symbol = r->file->symbol(address);
        if (!symbol && !r->file->has_full_symbols())
            if (const auto debug = files_.debug_of(pid, *r->file)) symbol = debug->symbol(address);
        if (symbol) return demangled(symbol->name) + "+" + hex(address + 1 - symbol->address) + in;
        return "+" + hex(address + 1) + in;
    }
    if (const PerfMap* map = perf_maps_.of(pid, vpid))
        if (const auto found = map->find(place)) return found->name + "+" + hex(found->offset + 1) + in;
    return hex(f.pc) + in;
}

std::string Reader::text(int64_t pid, uint32_t vpid, std::string_view stack, std::string_view code_ranges) {
    wire::StackHead head;
    if (stack.size() < sizeof head) return "";
    std::memcpy(&head, stack.data(), sizeof head);
    CodeMap code(files_, pid, code_ranges);
    const Walk walk = unwind(head, stack.substr(sizeof head), code);
    // Of our library's functions the outermost stands for libc's of the same name.
    const auto is_own = [&](const Frame& f) {
        const CodeMap::Range* r = code.at(f.pc - 1);
        return r != nullptr && r->path.ends_with(kOwn);
    };
    size_t first = 0;
    while (first + 1 < walk.frames.size() && is_own(walk.frames[first]) && is_own(walk.frames[first + 1])) ++first;
    std::string s;
    for (size_t i = first; i < walk.frames.size(); ++i) {
        if (i != first) s += walk.frames[i].guessed ? " <-? " : " <- ";
        s += describe(walk.frames[i], code, pid, vpid);
    }
    if (walk.cut) s += " <- ...";
    return s;
}

}  // namespace undercoat::stack
