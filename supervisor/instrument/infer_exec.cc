// What execve(2) will return: whether there is something that the kernel can run.
#include <cerrno>
#include <cstring>
#include <elf.h>
#include <fcntl.h>
#include <string>
#include <unistd.h>

#include "supervisor/instrument/infer.h"

namespace undercoat::instrument {
namespace {

constexpr unsigned kMaxInterpreters = 5;

struct Search {
    const View& view;
    ExecTrail* trail;
};

Verdict check_interpreter(const Search& s, const char* name, unsigned depth);

// "#!" line: the interpreter's path up to the first blank.
Verdict script(const Search& s, const char* head, size_t n, unsigned depth) {
    size_t at = 2;
    while (at < n && (head[at] == ' ' || head[at] == '\t')) ++at;
    size_t end = at;
    while (end < n && head[end] && !strchr(" \t\n", head[end])) ++end;
    if (end == at || end >= 255) return inferred_error(ENOEXEC);
    char name[256];
    memcpy(name, head + at, end - at);
    name[end - at] = 0;
    return check_interpreter(s, name, depth + 1);
}

Verdict elf(const Search& s, int fd, const char* head, size_t n, unsigned depth) {
    Elf64_Ehdr h;
    if (n < sizeof h) return inferred_error(ENOEXEC);
    memcpy(&h, head, sizeof h);
    if (h.e_type != ET_EXEC && h.e_type != ET_DYN) return inferred_error(ENOEXEC);
    if (h.e_ident[EI_CLASS] != ELFCLASS64) return h.e_machine == EM_386 ? inferred(0) : unknown_result();
    if (h.e_machine != EM_X86_64) return unknown_result();  // perhaps by binfmt_misc
    for (unsigned i = 0; i < h.e_phnum && i < 64; ++i) {
        Elf64_Phdr p;
        if (pread(fd, &p, sizeof p, static_cast<off_t>(h.e_phoff + i * sizeof p)) != sizeof p) return unknown_result();
        if (p.p_type != PT_INTERP) continue;
        char name[256];
        if (p.p_filesz < 2 || p.p_filesz > sizeof name) return unknown_result();
        if (pread(fd, name, p.p_filesz, static_cast<off_t>(p.p_offset)) != static_cast<ssize_t>(p.p_filesz))
            return unknown_result();
        if (name[p.p_filesz - 1] != 0) return inferred_error(ENOEXEC);
        return check_interpreter(s, name, depth + kMaxInterpreters);
    }
    return inferred(0);
}

Verdict check_file(const Search& s, const char* path, const Found& f, unsigned depth) {
    if (depth > kMaxInterpreters * 2) return inferred_error(ELOOP);
    if (!S_ISREG(f.st.st_mode)) return inferred_error(EACCES);
    if (const int error = s.view.access(f, X_OK)) return inferred_error(error);
    if (s.trail) s.trail->add(s.view, path, f.st);
    if (depth >= kMaxInterpreters) return inferred(0);  // an ELF interpreter is not looked into
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", f.fd.get());
    const UniqueFd fd(open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd) return unknown_result();
    char head[256] = {};
    const ssize_t n = pread(fd.get(), head, sizeof head, 0);
    if (n < 0) return unknown_result();
    if (n >= 4 && memcmp(head, ELFMAG, SELFMAG) == 0) return elf(s, fd.get(), head, static_cast<size_t>(n), depth);
    if (n >= 2 && head[0] == '#' && head[1] == '!') return script(s, head, static_cast<size_t>(n), depth);
    return inferred_error(ENOEXEC);
}

Verdict check_interpreter(const Search& s, const char* name, unsigned depth) {
    const Found f = s.view.look_up(AT_FDCWD, name, true);
    if (f.unknown) return unknown_result();
    return f ? check_file(s, name, f, depth) : inferred_error(f.error);
}

}  // namespace

Verdict infer_exec(const View& v, int directory, const char* path, int flags, Found* found, ExecTrail* trail) {
    Found f = v.look_up(directory, path, !(flags & AT_SYMLINK_NOFOLLOW), flags & AT_EMPTY_PATH);
    if (f.unknown) return unknown_result();
    if (!f) return inferred_error(f.error);
    if (S_ISLNK(f.st.st_mode)) return inferred_error(ELOOP);
    const Verdict r = check_file({v, trail}, path, f, 0);
    *found = std::move(f);
    return r;
}

}  // namespace undercoat::instrument
