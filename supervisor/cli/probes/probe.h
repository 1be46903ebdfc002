// What this machine allows us to do, one question at a time, for `undercoat doctor`.
//
// Must stay true: a probe changes nothing outside a child process of its own, ends within two seconds whatever the answer,
// and tries the thing itself instead of asking for a kernel version (gVisor says 4.4.0).
#pragma once

#include <string>
#include <vector>

#include "supervisor/probes/child.h"

namespace undercoat::cli {

using probes::ChildOutcome, probes::has_capability, probes::in_child, probes::wait_child;

enum class Verdict { good, limited, bad };

struct ProbeResult {
    std::string name;     // short, stable: a key in --json
    Verdict verdict = Verdict::good;
    std::string found;    // what was seen
    std::string meaning;  // what follows from it
    std::string advice;   // what to add to the task definition or the run command; empty where nothing is needed
    bool traceable = false;  // of "ptrace": a child could be traced, with or without a filter
};

// The probes of each area, in the order in which they are shown.
void probe_seccomp(std::vector<ProbeResult>& out);      // user notification, outer filters, privileges
void probe_tracing(std::vector<ProbeResult>& out);      // ptrace, process_vm_readv, pidfd_getfd, Yama, userfaultfd
void probe_environment(std::vector<ProbeResult>& out);  // memfd, /dev/shm, gadget address, shim, libc, meeting places

// First line of a small file, or "" when it cannot be read.
std::string first_line(const char* path);
// The value of "Key:\t..." in /proc/self/status, or "".
std::string status_value(const char* key);

}  // namespace undercoat::cli
