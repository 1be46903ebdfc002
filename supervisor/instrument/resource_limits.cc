// See resource_limits.h.
#include "supervisor/instrument/resource_limits.h"

#include <algorithm>
#include <cstddef>
#include <pthread.h>
#include <sys/resource.h>

namespace undercoat::instrument {
namespace {

constexpr rlim_t kStack = 8 << 20;
constexpr size_t kThreadStack = 1 << 20;

struct Lifted {
    __rlimit_resource which;
    rlim_t need;
    rlimit given{};
    bool changed = false;
};
Lifted g_lifted[] = {{RLIMIT_FSIZE, RLIM_INFINITY}, {RLIMIT_STACK, kStack}, {RLIMIT_DATA, RLIM_INFINITY},
                     {RLIMIT_AS, RLIM_INFINITY},    {RLIMIT_CPU, RLIM_INFINITY}};

}  // namespace

void lift_limits() {
    for (Lifted& l : g_lifted) {
        if (getrlimit(l.which, &l.given) != 0 || l.given.rlim_cur >= l.need) continue;
        const rlimit all{l.need, std::max(l.given.rlim_max, l.need)};
        const rlimit own{std::min(l.given.rlim_max, l.need), l.given.rlim_max};
        l.changed = setrlimit(l.which, &all) == 0 || setrlimit(l.which, &own) == 0;
    }
    // libc has taken the size of new threads' stacks from the limit as it was at the start.
    pthread_attr_t attributes;
    size_t size = 0;
    if (pthread_getattr_default_np(&attributes) != 0) return;
    if (pthread_attr_getstacksize(&attributes, &size) == 0 && size < kThreadStack) {
        pthread_attr_setstacksize(&attributes, kThreadStack);
        pthread_setattr_default_np(&attributes);
    }
    pthread_attr_destroy(&attributes);
}

void give_back_limits() {
    for (const Lifted& l : g_lifted)
        if (l.changed) setrlimit(l.which, &l.given);
}

}  // namespace undercoat::instrument
