// See look.h.
#include "supervisor/coverage/look.h"

#include "base/unique_fd.h"
#include "wire/local/handover.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace undercoat::coverage {
namespace {

constexpr size_t kMostMaps = 4 << 20;

std::string name_of(const std::string& proc, int64_t pid, const char* what) {
    return proc + "/" + std::to_string(pid) + "/" + what;
}

// nullopt: cannot be opened. Files of /proc only.
std::optional<std::string> content(const std::string& path, size_t most) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return std::nullopt;
    std::string s;
    char piece[16384];
    for (ssize_t n; s.size() < most && (n = ::read(fd.get(), piece, sizeof piece)) > 0;) s.append(piece, static_cast<size_t>(n));
    return s;
}

const char* after(const std::string& text, const char* label) {
    const size_t at = text.find(label);
    return at == std::string::npos ? nullptr : text.c_str() + at + std::strlen(label);
}

}  // namespace

std::optional<Stat> read_stat(const std::string& proc, int64_t pid) {
    const auto text = content(name_of(proc, pid, "stat"), 4096);
    const size_t close = text ? text->rfind(')') : std::string::npos;
    if (close == std::string::npos || close + 2 >= text->size()) return std::nullopt;
    Stat s;
    s.pid = pid;
    const char* at = text->c_str() + close + 2;
    const char state = *at;
    uint64_t field[30] = {};
    for (int i = 4; i < 30 && *at; ++i) {
        while (*at && *at != ' ') ++at;
        field[i] = std::strtoull(at, nullptr, 10);
        if (*at) ++at;
    }
    constexpr uint64_t kKernelThread = 0x00200000;
    s.ppid = static_cast<int64_t>(field[4]);
    s.start_time = field[22];
    s.start_stack = field[28];
    s.alive = state != 'Z' && state != 'X' && !(field[9] & kKernelThread);
    return s;
}

std::optional<Held> read_held(const std::string& proc, int64_t pid) {
    const auto text = content(name_of(proc, pid, "status"), 16384);
    if (!text || text->empty()) return std::nullopt;
    Held h;
    if (const char* at = after(*text, "\nSeccomp:")) h.seccomp = std::atoi(at);
    if (const char* at = after(*text, "\nSeccomp_filters:")) h.filters = std::atoi(at);
    if (const char* at = after(*text, "\nTracerPid:")) h.tracer = std::atoll(at);
    if (const char* at = after(*text, "\nNoNewPrivs:")) h.no_new_privs = std::atoi(at) != 0;
    if (const char* at = after(*text, "\nCapPrm:")) h.permitted = std::strtoull(at, nullptr, 16);
    const auto ids = [&](const char* label, uint32_t* to) {
        char* at = const_cast<char*>(after(*text, label));
        for (int i = 0; at && i < 3; ++i) to[i] = static_cast<uint32_t>(std::strtoul(at, &at, 10));
    };
    ids("\nUid:", h.uid);
    ids("\nGid:", h.gid);
    return h;
}

std::optional<bool> has_filter_beyond(const Held& it, const Held& outside) {
    if (it.filters >= 0 && outside.filters >= 0) return it.filters > outside.filters;
    if (it.seccomp < 0) return std::nullopt;
    if (it.seccomp == 0) return false;
    return outside.seccomp == 0 ? std::optional(true) : std::nullopt;
}

std::optional<Mapped> read_mapped(const std::string& proc, int64_t pid) {
    const auto text = content(name_of(proc, pid, "maps"), kMostMaps);
    if (!text) return std::nullopt;
    char gadget[32];
    std::snprintf(gadget, sizeof gadget, "%llx-", static_cast<unsigned long long>(wire::kGadgetAddress));
    Mapped m;
    for (size_t at = 0; at < text->size();) {
        const size_t end = std::min(text->find('\n', at), text->size());
        const std::string_view line(text->data() + at, end - at);
        m.library |= line.find("/libshim.so") != line.npos;
        m.ring |= line.find("/memfd:undercoat") != line.npos;
        m.gadget |= line.starts_with(gadget) && line.find(" r-xp ") != line.npos;
        at = end + 1;
    }
    return m;
}

std::optional<Program> read_program(const std::string& proc, int64_t pid) {
    const UniqueFd fd(::open(name_of(proc, pid, "exe").c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat st;
    if (!fd || ::fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode)) return std::nullopt;
    alignas(Elf64_Ehdr) unsigned char head[4096];
    const ssize_t n = ::pread(fd.get(), head, sizeof head, 0);
    if (n < static_cast<ssize_t>(sizeof(Elf64_Ehdr)) || std::memcmp(head, ELFMAG, SELFMAG) != 0) return Program::script_or_other;
    Elf64_Ehdr e;
    std::memcpy(&e, head, sizeof e);
    if (e.e_ident[EI_CLASS] != ELFCLASS64 || e.e_machine != EM_X86_64) return Program::i386;
    for (size_t i = 0, at = e.e_phoff; i < e.e_phnum && at < sizeof head; ++i, at += sizeof(Elf64_Phdr)) {
        if (at + sizeof(Elf64_Phdr) > static_cast<size_t>(n)) return std::nullopt;
        Elf64_Phdr p;
        std::memcpy(&p, head + at, sizeof p);
        if (p.p_type == PT_INTERP) return Program::dynamic;
    }
    return Program::fixed;
}

std::optional<bool> read_secure(const std::string& proc, int64_t pid) {
    const auto text = content(name_of(proc, pid, "auxv"), 4096);
    if (!text) return std::nullopt;
    for (size_t at = 0; at + sizeof(Elf64_auxv_t) <= text->size(); at += sizeof(Elf64_auxv_t)) {
        Elf64_auxv_t v;
        std::memcpy(&v, text->data() + at, sizeof v);
        if (v.a_type == AT_SECURE) return v.a_un.a_val != 0;
    }
    return std::nullopt;
}

std::optional<bool> same_link(const std::string& proc, int64_t a, int64_t b, const char* what) {
    struct stat x, y;
    if (::stat(name_of(proc, a, what).c_str(), &x) != 0 || ::stat(name_of(proc, b, what).c_str(), &y) != 0) return std::nullopt;
    return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

std::string exe_of(const std::string& proc, int64_t pid) {
    char text[4096];
    const ssize_t n = ::readlink(name_of(proc, pid, "exe").c_str(), text, sizeof text);
    return n > 0 ? std::string(text, static_cast<size_t>(n)) : "";
}

}  // namespace undercoat::coverage
