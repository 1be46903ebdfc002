// Limits of resources that a caller sets for the workload, and that are too low for our own work.
//
// Must stay true: the workload has them as they were given; where we may not lift one, we go on below it.
#pragma once

namespace undercoat::instrument {

// For this process and those it starts.
void lift_limits();
// What lift_limits() changed, as it was. Right before the workload's execve: memory may be short from then on.
void give_back_limits();

}  // namespace undercoat::instrument
