// Children that try something and say how it went.
#pragma once

#include <functional>

namespace undercoat::probes {

// What a child process found. exited: it returned `code` by itself; else it was killed by `signal` or ran out of time.
struct ChildOutcome {
    bool exited = false;
    int code = -1;
    int signal = 0;
    bool timed_out = false;
};

// Runs f in a forked child, which exits with the value that f returns (0..255). At most two seconds.
ChildOutcome in_child(const std::function<int()>& f);
// Waits for a child of one's own, kills it after two seconds. pid must be a child.
ChildOutcome wait_child(int pid);

// True when the effective set of this process has the capability.
bool has_capability(int number);

}  // namespace undercoat::probes
