// See lineage.h. An entry lies within kWindow places of its hash; when all are taken the process that began first gives way.
#include "supervisor/instrument/lineage.h"

namespace undercoat::instrument {

void LineageBook::put(pid_t pid, pid_t parent, uint64_t start_time) {
    std::lock_guard guard(mutex_);
    wire::Lineage* best = &at(pid, 0);
    for (uint32_t i = 0; i < kWindow; ++i) {
        wire::Lineage& e = at(pid, i);
        if (e.pid == static_cast<uint32_t>(pid) || e.pid == 0) {
            best = &e;
            break;
        }
        if (e.start_time < best->start_time) best = &e;
    }
    // A reader sees pid 0 while the rest changes.
    __atomic_store_n(&best->pid, 0, __ATOMIC_RELEASE);
    best->ppid = static_cast<uint32_t>(parent);
    best->start_time = start_time;
    __atomic_store_n(&best->pid, static_cast<uint32_t>(pid), __ATOMIC_RELEASE);
}

pid_t LineageBook::parent_of(pid_t pid, uint64_t start_time) {
    std::lock_guard guard(mutex_);
    for (uint32_t i = 0; i < kWindow; ++i)
        if (const wire::Lineage& e = at(pid, i); e.pid == static_cast<uint32_t>(pid))
            return e.start_time == start_time ? static_cast<pid_t>(e.ppid) : 0;
    return 0;
}

}  // namespace undercoat::instrument
