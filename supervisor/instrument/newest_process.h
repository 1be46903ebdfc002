// Whether anything was forked since a process began.
//
// Must stay true: "nobody" is certain, "somebody" may be wrong: another container's forks do not count, but all of our pid
// name space's do.
#pragma once

#include <sys/types.h>

#include "base/unique_fd.h"

namespace undercoat::instrument {

class NewestProcess {
public:
    // Opens /proc/loadavg, if it is the kernel's own.
    NewestProcess();
    // True when `pid` is the last number that the kernel gave out in our pid name space, so that the process, which has that
    // number still, has no children and no other threads. Thread-safe; one system call.
    bool is(pid_t pid) const;

private:
    UniqueFd loadavg_;
};

// The last field of the text of /proc/loadavg (proc(5): the pid of the process that was most recently created), 0: none.
pid_t last_pid(const char* text, size_t n);

}  // namespace undercoat::instrument
