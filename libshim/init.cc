// What happens when the library is loaded: find libc and our own path, and give the program the environment it was
// meant to see.
//
// Must stay true: no allocation, no output; no system call, but where nobody told us of an instrument (beside.cc): the first
// process, and those entered from outside; and where somebody named a meeting place (word.cc); a few microseconds, because every
// exec pays for it. It works whether the loader passes arguments to constructors (glibc) or not (musl), and before or after other
// constructors.
#include <elf.h>

#include "libshim/environment.h"
#include "libshim/open_record.h"
#include "libshim/raw_syscall.h"
#include "libshim/state.h"
#include "libshim/text.h"

extern "C" {
struct dl_phdr_info {  // the first fields, the same in glibc and musl
    uintptr_t dlpi_addr;
    const char* dlpi_name;
    const Elf64_Phdr* dlpi_phdr;
    uint16_t dlpi_phnum;
};
int dl_iterate_phdr(int (*)(dl_phdr_info*, size_t, void*), void*) __attribute__((weak, visibility("default")));
__thread uint32_t t_in_vfork_child __attribute__((tls_model("initial-exec")));
__thread size_t* t_vector_left __attribute__((tls_model("initial-exec")));
__thread undercoat::shim::OpenRecord t_open_record __attribute__((tls_model("initial-exec")));
}

namespace undercoat::shim {

Image g_image;
Process* g_process;

namespace {

void note_path(const char* name) {
    g_image.path_length = static_cast<uint32_t>(copy_text(g_image.path, sizeof g_image.path, name, length(name)));
    if (g_image.path[0] != '/') g_image.path[0] = 0;
}

int note_object(dl_phdr_info* info, size_t, void*) {
    const auto libc = reinterpret_cast<uintptr_t>(__errno_location ? __errno_location : ___errno_location);
    const auto self = reinterpret_cast<uintptr_t>(&note_object);
    Object o{info->dlpi_addr, nullptr};
    bool has_libc = false, has_self = false;
    for (uint16_t i = 0; i < info->dlpi_phnum; i++) {
        const Elf64_Phdr& p = info->dlpi_phdr[i];
        if (p.p_type == PT_DYNAMIC) o.dynamic = reinterpret_cast<const void*>(o.base + p.p_vaddr);
        if (p.p_type != PT_LOAD) continue;
        has_libc = has_libc || libc - (o.base + p.p_vaddr) < p.p_memsz;
        has_self = has_self || self - (o.base + p.p_vaddr) < p.p_memsz;
    }
    if (has_libc) g_image.libc = o;
    if (has_self) note_path(info->dlpi_name);
    if (o.dynamic && !has_self && g_image.objects_count < sizeof g_image.objects / sizeof g_image.objects[0])
        g_image.objects[g_image.objects_count++] = o;
    return 0;
}

__attribute__((constructor)) void init() {
    note_objects();
    const char* const added = read_additions();
    if (g_image.meet[0]) g_image.told = tell_image();
    restore_environment(added);
    if (g_image.meet[0] && !g_image.told) enlist_now();
    else if (!g_image.meet[0] && !g_image.settled) find_instrument();
}

}  // namespace

void note_objects() {
    if (!g_image.libc.dynamic && !g_image.objects_count && dl_iterate_phdr) dl_iterate_phdr(note_object, nullptr);
}

}  // namespace undercoat::shim
