// Which files move processes between control groups. Until somebody in the workload opens one, a process is in the group that
// its parent is in, and /proc/PID/cgroup need not be read for each execution.
#pragma once

#include <string_view>

namespace undercoat::wire {

// True for the paths of cgroup.procs, cgroup.threads and tasks (cgroups(7)), however the path leads there.
inline bool moves_between_cgroups(std::string_view path) {
    const std::string_view name = path.substr(path.rfind('/') + 1);  // npos + 1 is 0
    return name == "cgroup.procs" || name == "cgroup.threads" || name == "tasks";
}

}  // namespace undercoat::wire
