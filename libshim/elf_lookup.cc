// Finds functions of the loaded libc, and what the program imports, in the ELF tables in memory: dlsym may be absent.
//
// Works on the tables of objects loaded at start, which stay for the life of the image, so it takes no lock. Tables as
// in the System V gABI and, for DT_GNU_HASH, as written by binutils. glibc stores relocated addresses in its link maps'
// dynamic sections, musl leaves the file's: both are accepted.
#include <elf.h>

#include "libshim/state.h"
#include "libshim/text.h"

namespace undercoat::shim {
namespace {

struct Tables {
    const Elf64_Sym* symbols = nullptr;
    const char* strings = nullptr;
    const uint32_t* gnu_hash = nullptr;
    const uint32_t* hash = nullptr;
    const uint16_t* versions = nullptr;
    const Elf64_Rela* rela = nullptr;
    const Elf64_Rela* plt = nullptr;
    uint64_t rela_size = 0, plt_size = 0;
};

Tables tables_of(const Object& o) {
    Tables t;
    for (auto* d = static_cast<const Elf64_Dyn*>(o.dynamic); d && d->d_tag != DT_NULL; d++) {
        const uint64_t v = d->d_un.d_val;
        const uintptr_t p = v < o.base ? o.base + v : v;
        switch (d->d_tag) {
            case DT_SYMTAB: t.symbols = reinterpret_cast<const Elf64_Sym*>(p); break;
            case DT_STRTAB: t.strings = reinterpret_cast<const char*>(p); break;
            case DT_GNU_HASH: t.gnu_hash = reinterpret_cast<const uint32_t*>(p); break;
            case DT_HASH: t.hash = reinterpret_cast<const uint32_t*>(p); break;
            case DT_VERSYM: t.versions = reinterpret_cast<const uint16_t*>(p); break;
            case DT_RELA: t.rela = reinterpret_cast<const Elf64_Rela*>(p); break;
            case DT_RELASZ: t.rela_size = v; break;
            case DT_JMPREL: t.plt = reinterpret_cast<const Elf64_Rela*>(p); break;
            case DT_PLTRELSZ: t.plt_size = v; break;
            default: break;
        }
    }
    return t;
}

// A definition under its default version.
bool is_it(const Tables& t, uint32_t i, const char* name) {
    const Elf64_Sym& s = t.symbols[i];
    if (s.st_shndx == SHN_UNDEF || ELF64_ST_TYPE(s.st_info) != STT_FUNC) return false;
    if (t.versions && t.versions[i] & 0x8000) return false;
    return equal(t.strings + s.st_name, name);
}

uint32_t find_gnu(const Tables& t, const char* name) {
    uint32_t h = 5381;
    for (const char* p = name; *p; p++) h = h * 33 + static_cast<uint8_t>(*p);
    const uint32_t nbuckets = t.gnu_hash[0], offset = t.gnu_hash[1], words = t.gnu_hash[2];
    const uint32_t* buckets = t.gnu_hash + 4 + words * 2;
    const uint32_t* chain = buckets + nbuckets;
    uint32_t i = nbuckets ? buckets[h % nbuckets] : 0;
    if (i < offset) return 0;
    for (;; i++) {
        const uint32_t other = chain[i - offset];
        if ((other | 1) == (h | 1) && is_it(t, i, name)) return i;
        if (other & 1) return 0;
    }
}

uint32_t find_sysv(const Tables& t, const char* name) {
    uint32_t h = 0;
    for (const char* p = name; *p; p++) {
        h = (h << 4) + static_cast<uint8_t>(*p);
        h ^= (h & 0xf0000000) >> 24;
        h &= 0x0fffffff;
    }
    const uint32_t nbuckets = t.hash[0];
    const uint32_t* chain = t.hash + 2 + nbuckets;
    for (uint32_t i = nbuckets ? t.hash[2 + h % nbuckets] : 0; i; i = chain[i])
        if (is_it(t, i, name)) return i;
    return 0;
}

bool relocates(const Tables& t, const Elf64_Rela* r, uint64_t size, const char* names) {
    for (const Elf64_Rela* end = r + size / sizeof *r; r < end; r++) {
        const uint64_t i = ELF64_R_SYM(r->r_info);
        for (const char* n = names; i && *n; n += length(n) + 1)
            if (equal(t.strings + t.symbols[i].st_name, n)) return true;
    }
    return false;
}

}  // namespace

void* libc_function(const char* name) {
    if (!g_image.libc.dynamic) note_objects();  // a hook called before our constructor
    if (!g_image.libc.dynamic) return nullptr;
    const Tables t = tables_of(g_image.libc);
    if (!t.symbols || !t.strings) return nullptr;
    const uint32_t i = t.gnu_hash ? find_gnu(t, name) : t.hash ? find_sysv(t, name) : 0;
    return i ? reinterpret_cast<void*>(g_image.libc.base + t.symbols[i].st_value) : nullptr;
}

bool imports(const char* names) {
    for (uint32_t k = 0; k < g_image.objects_count; k++) {
        const Object& o = g_image.objects[k];
        if (o.dynamic == g_image.libc.dynamic) continue;
        const Tables t = tables_of(o);
        if (!t.symbols || !t.strings) continue;
        if (t.plt && relocates(t, t.plt, t.plt_size, names)) return true;
        if (t.rela && relocates(t, t.rela, t.rela_size, names)) return true;
    }
    return false;
}

}  // namespace undercoat::shim
