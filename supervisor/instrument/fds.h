// Our own descriptors: close-on-exec, numbered above everything that the workload inherits or is likely to look at.
#pragma once

#include "base/unique_fd.h"

namespace undercoat::instrument {

// Raises our soft RLIMIT_NOFILE and picks the first number for descriptors of ours: 500 (a quarter of a
// limit under 1000), or above the highest inherited one.
// Call once, first. The workload gets the old limit back by restore_fd_limit() in its child.
void prepare_fds();
void restore_fd_limit();
// Has the kernel make room for the numbers that our range will need. Call it before the process has a second thread: later,
// each growth of the table waits for an RCU grace period, some 10 ms, within the fcntl() of whoever happens to come first.
void reserve_fds();
// Moves a descriptor to our range, close-on-exec. Where the limit is too low it stays where it is.
UniqueFd move_high(UniqueFd fd);
// Closes what the workload inherited (3 and up, below our range). `input`, `output`: 0, 1 become /dev/null.
void drop_inherited(bool input, bool output);

}  // namespace undercoat::instrument
