// Faults on purpose, for the tests that show that none of them harms the workload.
//
// UNDERCOAT_FAULT in instrument's own environment: trap-thread-stall:N, every Nth trap's thread stands still for a second;
// trap-thread-die:N, every Nth trap's thread ends without an answer. A warning line says that it is on.
#pragma once

namespace undercoat::instrument {

enum class Fault { none, stall, die };

// Reads the setting; call once, before threads start.
void prepare_faults(const char* setting);
// Whether any are to come.
bool faults_prepared();
// Stalls the calling thread, or says that it is to end.
Fault inject_fault();

}  // namespace undercoat::instrument
