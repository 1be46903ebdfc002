// What this machine allows us to do, one question at a time, for `undercoat doctor`.
//
// Must stay true: a probe changes nothing outside a child process of its own, ends within two seconds whatever the answer,
// and tries the thing itself instead of asking for a kernel version (gVisor says 4.4.0).
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace undercoat::cli {

enum class Verdict { good, limited, bad };

struct ProbeResult {
    std::string name;     // short, stable: a key in --json
    Verdict verdict = Verdict::good;
    std::string found;    // what was seen
    std::string meaning;  // what follows from it
    std::string advice;   // what to add to the task definition or the run command; empty where nothing is needed
};

// The probes of each area, in the order in which they are shown.
void probe_seccomp(std::vector<ProbeResult>& out);      // user notification, outer filters, privileges
void probe_tracing(std::vector<ProbeResult>& out);      // ptrace, process_vm_readv, pidfd_getfd, Yama, userfaultfd
void probe_environment(std::vector<ProbeResult>& out);  // memfd, /dev/shm, gadget address, shim, libc, meeting places

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
// First line of a small file, or "" when it cannot be read.
std::string first_line(const char* path);
// The value of "Key:\t..." in /proc/self/status, or "".
std::string status_value(const char* key);

}  // namespace undercoat::cli
