// What instrument does with one held call: know the process, tell its story in order, record the call, answer.
//
// Must stay true: handle() answers every trap; records are in the ring before the call goes on; the order of records of one
// process is birth, then the outcome of a pending exec, then the call.
#pragma once

#include <atomic>

#include "supervisor/instrument/capture.h"
#include "supervisor/instrument/process_table.h"
#include "supervisor/instrument/registrar.h"
#include "supervisor/instrument/trap_backend.h"
#include "supervisor/instrument/trap_ring.h"

namespace undercoat::instrument {

// One receiver thread's place: what the watchdog needs to answer in its stead. Cleared when the trap is answered.
struct Ticket {
    std::atomic<uint64_t> since{0};      // monotonic ns at which the trap was received, 0: idle
    std::atomic<uint32_t> recorded{0};   // who sets it first writes the record of this call
    std::atomic<bool> abandoned{false};  // the watchdog took the trap over; the thread ends once it comes back
    bool registers_only = false;         // too many threads are stuck: read no memory
    Trap trap{};
    uint8_t payload[wire::kMaxRecord];
};

struct Agents {
    pid_t init = 0, trap = 0;  // our processes besides the supervisor, whose pid is in the registry
};

class Handler {
public:
    Handler(TrapBackend& backend, ProcessTable& table, TrapRing& ring, Registrar& registrar, wire::Registry& registry,
            Agents agents, int deaths)
        : backend_(backend), table_(table), ring_(ring), registrar_(registrar), registry_(registry), agents_(agents),
          deaths_(deaths) {}

    void handle(Ticket& ticket);
    // Records a trap that its thread did not finish: registers only. Called by the watchdog.
    void record_registers(Ticket& ticket);
    // A known process has died: its exit is recorded unless it was already.
    void process_died(pid_t pid);

private:
    struct Seen {
        pid_t pid = 0;
        uint32_t ring_slot = 0;
    };
    Seen introduce(pid_t pid, Ticket& ticket);
    void settle_exec(const HeldCall& c, Ticket& ticket);
    void confirm_exec(pid_t pid, const PendingExec& exec, Ticket& ticket);
    void begin_exec(const HeldCall& c, Ticket& ticket);
    void record_exit(const HeldCall& c, Ticket& ticket);
    void record_call(const HeldCall& c, const Seen& seen, Ticket& ticket);
    void put_order(const Seen& seen, wire::PayloadWriter& out) const;
    wire::RecordHeader header(wire::RecordKind kind, uint16_t call, pid_t pid, pid_t tid) const;
    bool emit(Ticket& ticket, const wire::RecordHeader& h, const uint8_t* payload, size_t n);

    TrapBackend& backend_;
    ProcessTable& table_;
    TrapRing& ring_;
    Registrar& registrar_;
    wire::Registry& registry_;
    Agents agents_;
    int deaths_;  // epoll descriptor; each process's pidfd is added with its pid as data
};

}  // namespace undercoat::instrument
