// See environment.h.
#include "libshim/environment.h"

#include <asm/unistd.h>

namespace undercoat::shim {
namespace {

constexpr size_t kMaxEntries = 1 << 20, kMaxPreload = 4096;

// True when our path is an entry of an LD_PRELOAD value (separated by colons or blanks).
bool names_us(const char* value) {
    while (*value) {
        size_t n = 0;
        while (value[n] && value[n] != ':' && value[n] != ' ') n++;
        if (equal(value, n, g_image.path)) return true;
        value += n;
        if (*value) value++;
    }
    return false;
}

// After chroot and its like, of ours or of another process in our name space, the file may be out of sight; then ld.so would complain
// on the program's stderr. Who is sealed is not made to look without need.
bool visible() { return (g_image.off && !g_image.moved) || !failed(own_call(__NR_access, g_image.path, 4)); }

char* append(char* to, const char* text) {
    while (*text) *to++ = *text++;
    *to = 0;
    return to;
}

bool has(const char* letters, char c) {
    while (*letters && *letters != c) letters++;
    return *letters;
}

// The slots between the new end and the old one lie before the auxiliary vector: whoever walks there past the end must
// find entries without meaning, or the end of the vector.
void fill_gap(char** end, size_t removed) {
    const bool pairs = removed % 2 == 0;
    *end = nullptr;
    for (size_t i = 1; i <= removed; i++) end[i] = reinterpret_cast<char*>(static_cast<uintptr_t>(pairs && i % 2 == 1));
}

}  // namespace

const char* read_additions() {
    const char* added = nullptr;
    for (char** env = &environ ? environ : nullptr; env && *env; env++) {
        if (**env != 'U') continue;
        if (char* v = value_of(*env, wire::kEnvAdded)) added = v;
        else if (char* m = value_of(*env, wire::kEnvMeet)) copy_text(g_image.meet, sizeof g_image.meet, m, length(m));
    }
    g_image.settled = added;
    return added;
}

void restore_environment(const char* added) {
    if (!added) return;
    char** const env = environ;
    size_t n = 0;
    while (env[n]) n++;
    const bool whole = has(added, 'p'), part = has(added, 'a'), meet = has(added, 'm');
    char** to = env;
    for (size_t i = 0; i < n; i++) {
        char* preload = value_of(env[i], wire::kEnvPreload);
        if (value_of(env[i], wire::kEnvAdded) || (preload && whole) || (meet && value_of(env[i], wire::kEnvMeet)))
            continue;
        if (preload && part) {  // our entry is the last
            char* last = nullptr;
            for (char* p = preload; *p; p++)
                if (*p == ':') last = p;
            if (last) *last = 0;
        }
        *to++ = env[i];
    }
    fill_gap(to, n - static_cast<size_t>(to - env));
}

char** take_vector(size_t n) {
    if (g_image.off) return nullptr;
    const size_t size = ((n + 1) * sizeof(char*) + 4095) & ~size_t{4095};
    constexpr int kReadWrite = 3, kPrivateAnonymous = 0x22;
    const long p = own_call(__NR_mmap, 0, size, kReadWrite, kPrivateAnonymous, -1, 0);
    if (failed(p)) return nullptr;
    auto* const at = reinterpret_cast<size_t*>(p);
    *at = size;
    if (t_in_vfork_child) t_vector_left = at;
    return reinterpret_cast<char**>(at + 1);
}

void give_vector(char** v) {
    auto* const at = reinterpret_cast<size_t*>(v) - 1;
    if (t_vector_left == at) t_vector_left = nullptr;
    own_call(__NR_munmap, at, *at);
}

void give_vector_left() {
    if (t_vector_left) give_vector(reinterpret_cast<char**>(t_vector_left + 1));
}

EnvironmentPlan plan_environment(char* const* envp) {
    EnvironmentPlan plan;
    if (!g_image.path[0] || (envp && reinterpret_cast<uintptr_t>(envp) < 65536) || !visible()) return plan;
    bool has_meet = false;
    for (; envp && envp[plan.count]; plan.count++) {
        if (plan.count == kMaxEntries) return plan;
        char* entry = envp[plan.count];
        if (reinterpret_cast<uintptr_t>(entry) < 65536) return plan;
        if (!plan.preload) plan.preload = value_of(entry, wire::kEnvPreload);
        has_meet = has_meet || value_of(entry, wire::kEnvMeet);
    }
    const size_t given = plan.preload ? length(plan.preload) : 0;
    plan.add_preload = !plan.preload || !names_us(plan.preload);
    plan.preload_size = sizeof wire::kEnvPreload + given + 1 + g_image.path_length + 1;
    plan.add_meet = g_image.meet[0] && !has_meet;
    plan.add = (plan.add_preload || plan.add_meet || g_image.settled) && given < kMaxPreload;
    return plan;
}

void build_environment(const EnvironmentPlan& plan, char* const* envp, char** out, char* preload, char* small) {
    // An empty LD_PRELOAD is the user's all the same: ours is appended to it.
    char* at = append(append(preload, wire::kEnvPreload), "=");
    if (plan.preload) at = append(append(at, plan.preload), ":");
    append(at, g_image.path);
    size_t n = 0;
    bool placed = !plan.add_preload;
    for (size_t i = 0; i < plan.count; i++) {
        if (value_of(envp[i], wire::kEnvAdded)) continue;  // left over from an image that could not take it out
        const bool here = !placed && plan.preload && value_of(envp[i], wire::kEnvPreload) == plan.preload;
        out[n++] = here ? preload : envp[i];
        placed = placed || here;
    }
    if (!placed) out[n++] = preload;
    out[n++] = small;
    small = append(append(small, wire::kEnvAdded), "=");
    if (plan.add_preload) small = append(small, plan.preload ? "a" : "p");
    small = append(small, plan.add_meet ? "m" : "") + 1;
    if (plan.add_meet) {
        out[n++] = small;
        append(append(append(small, wire::kEnvMeet), "="), g_image.meet);
    }
    out[n] = nullptr;
}

}  // namespace undercoat::shim
