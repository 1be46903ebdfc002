// What instrument does with one held call: know the process, tell its story in order, record the call, answer.
//
// Must stay true: handle() answers every trap; records are in the ring before the call goes on; the order of records of one
// process is birth, then the outcome of a pending exec, then the call.
// With a back end that tells exact results a call's record is kept until the call has ended, and precedes its caller's return.
// Sources: handler.cc the way of a call, outcome.cc what follows it, life.cc births and deaths, exec_story.cc executions,
// told_exec.cc those that are told by the new image, coverage.cc what is not seen.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "supervisor/instrument/call_book.h"
#include "supervisor/instrument/capture.h"
#include "supervisor/instrument/control.h"
#include "supervisor/instrument/guard.h"
#include "supervisor/instrument/held_place.h"
#include "supervisor/instrument/infer.h"
#include "supervisor/instrument/lineage.h"
#include "supervisor/instrument/newest_process.h"
#include "supervisor/instrument/process_table.h"
#include "supervisor/instrument/procinfo.h"
#include "supervisor/instrument/registrar.h"
#include "supervisor/instrument/trap_backend.h"
#include "supervisor/instrument/trap_ring.h"
#include "wire/local/coverage.h"

namespace undercoat::instrument {

// One receiver thread's place: what the watchdog needs to answer in its stead.
struct Ticket {
    std::atomic<uint64_t> since{0};      // monotonic ns at which the trap was received, 0: idle
    std::atomic<uint32_t> recorded{0};   // who sets it first writes the record of this call
    std::atomic<bool> abandoned{false};  // the watchdog took the trap over; the thread ends once it comes back
    bool registers_only = false;         // too many threads are stuck: read no memory
    bool second_try = false;             // another thread got stuck on this very call
    bool blocked = false;                // that thread was held up: what the call will come to is not looked into
    bool tell = false;                   // its record waits for the result
    uint64_t* told_at = nullptr;         // where the place of its record is noted (HeldPlace); null: nowhere
    bool keep_stat = false;  // the caller will be looked at again soon
    UniqueFd stat;           // its /proc/PID/stat, if it was opened and is to be kept
    Trap trap{};
    uint8_t payload[wire::kMaxRecord];
};

struct ToldImage;

class Handler {
public:
    // `deaths`: epoll descriptor to which each process's pidfd is added, with its pid as data.
    // `newborn_timer`: a timerfd; when it fires look_after_newborns() is due.
    // `shim`: path of our library; that ld.so opens it once per image is our doing and no event.
    Handler(ProcessTable& table, TrapRing& ring, Registrar& registrar, wire::Registry& registry, Agents agents, int deaths,
            int newborn_timer, std::string shim)
        : table_(table), ring_(ring), registrar_(registrar), registry_(registry), lineage_(registry), agents_(agents),
          deaths_(deaths), newborn_timer_(newborn_timer), shim_(std::move(shim)) {}

    // Before the first trap: what the back end can say.
    void use(const TrapBackend& backend);
    void handle(TrapBackend& backend, Ticket& ticket);
    // A process asks for a ring by the meeting place: its descriptor, or -errno. One that is not known is told now; so is the
    // execution of one that was `entered` or whose word did not get through (`untold`).
    int enlist(pid_t pid, wire::MeetKind what);
    // A new image has told of itself (image_word.h).
    void image_told(pid_t pid, const ToldImage& image);
    // An untrapped process tells of a call, as it would in a ring.
    void record_told(pid_t pid, pid_t ppid, const uint8_t* record, size_t size);
    // The same for a process that trapped from now on.
    void note_entered(pid_t pid);
    // The end of this process (exit_group) waits for let_end(); `wake`: an eventfd that then says so. Before the first trap.
    void hold_end_of(pid_t pid, int wake);
    // From now on it waits no more.
    void let_end(TrapBackend& backend);
    // Records a trap that no thread could tell: registers only. Called by the watchdog, for a ticket whose `recorded` it has set.
    void record_registers(const Trap& trap);
    // Whether a record was written of a call that a trap process held which has died (HeldPlace::told_at).
    bool told(uint64_t told_at) const { return ring_.told(told_at); }
    // Goes on where a trap process has died: what it knew is learnt again. Before the first trap.
    void go_on() { went_on_ = true; }
    // Where calls and executions are noted for another trap process. Before the first trap.
    void keep_in(HandOver& where) { hand_over_ = &where; }
    // Takes up what it left, while calls are served already.
    void take_up();
    // A known process has died: its exit is recorded unless it was already. `status`: of waitpid().
    void process_died(pid_t pid, int64_t status = wire::kStatusUnknown);
    // A process was made by another that is still there.
    void note_birth(pid_t child);
    // Processes that have lived for a while get a pidfd; those that have ended meanwhile are told. Called by one thread.
    // So are executions of images that have called for nothing since.
    void look_after_newborns();

private:
    // handler.cc
    void answer(TrapBackend& backend, const HeldCall& c, Ticket& t);
    void note_cgroups(const HeldCall& c, const Captured& found);
    bool keeps(const HeldCall& c, uint64_t id);
    bool opens_shim(const HeldCall& c);
    bool is_current(TrapBackend& backend, const Ticket& t);
    void record_call(TrapBackend& backend, const HeldCall& c, uint32_t ring_slot, Ticket& t);
    Verdict judge(const HeldCall& c, const Captured& found, const SocketFacts& socket, Ticket& t);
    void note_changes(const HeldCall& c);
    void note_clock(const HeldCall& c);
    static void note_overlay(const HeldCall& c, bool registers_only);
    void note_seal(const HeldCall& c);
    void give_ring(TrapBackend& backend, const HeldCall& c, Ticket& t);
    int adopt_ring(pid_t pid, const Ticket& t, int* fd, UniqueFd file = {});
    // The caller's shim will write the result of this call, under a number that is put into the record.
    bool promise(const HeldCall& c, wire::PayloadWriter& out) const;
    void put_order(uint32_t ring_slot, wire::PayloadWriter& out) const;
    wire::RecordHeader header(wire::RecordKind kind, uint16_t call, pid_t pid, pid_t tid) const;
    // `t`: whose call the record tells; null: it tells none.
    bool emit(wire::RecordHeader h, const uint8_t* payload, size_t n, const Ticket* t = nullptr);
    // Credentials and root of the caller, from the table or from /proc.
    struct Rights {
        Credentials credentials;
        bool same_root = false;
        bool known = false;
    };
    Rights rights_of(const HeldCall& c);

    // outcome.cc
    void follow_up(TrapBackend& backend, Ticket& t);
    // Emits the record that waits for the end of this call, if there is one. kStatusUnknown: nobody knows.
    // Returns its call, or kNoCall.
    uint16_t finish_call(uint64_t entry_id, int64_t result);
    void drop_failed_exec(const HeldCall& c);
    void ask_for_file(TrapBackend& backend, const HeldCall& c, Ticket& t);
    void take_file(TrapBackend& backend, const HeldCall& c, Ticket& t);

    // life.cc
    // Makes sure that the process is known, and those it descends from up to the nearest that is; returns its ring's slot.
    // `how` we know of it: by a call that was held, by its own word, or as one left by another trap process.
    enum class Met { trap, word, left };
    uint32_t introduce(pid_t pid, Ticket& t, Met how);
    uint32_t meet(pid_t pid, Ticket& t, Met how, UniqueFd& file, bool with_ancestors);
    bool meet_ancestors(pid_t pid, Ticket& t, Met how);
    Process* await_announced(pid_t pid, std::unique_lock<std::mutex>& guard);
    bool succeeded(pid_t pid);
    bool is_that(ProcessTable::Newborn& who, const Stat& now);
    void note_start(pid_t pid);
    void await_death(ProcessTable::Newborn who);
    void await_newborns();
    void tell_silent_images();
    void await_images();
    struct Family {
        bool known = false, plain_fork = false, sealed = false, held = false;
        uint32_t ring_slot = 0;
        wire::ProcInfo info{};
        Credentials credentials;
        bool credentials_known = false, rights_settled = false, cgroup_told = false, same_root = false, root_known = false;
    };
    Family family_of(pid_t parent, const Stat& child);
    struct Newcomer {
        pid_t noted = 0, parent = 0;  // at birth: as the lineage has it, else 0; as it is told
        Family family;
        uint32_t ring_left = 0;
    };
    uint32_t take_in(pid_t pid, const Snapshot& s, const Newcomer& n, Ticket& t, Met how);
    static bool same_image(const Process& p, const Stat& s);
    void remember(Process& p, const Snapshot& s);
    void announce(pid_t pid, const Snapshot& s, pid_t parent, bool whole, uint32_t parent_ring, Ticket& t);
    void record_exit(const HeldCall& c, Ticket& t);
    size_t note_children(const HeldCall& c, uint32_t* pids, size_t capacity);

    // told_exec.cc
    struct Teller {
        bool usual = false;  // `before` and what follows is of the process or of its parent
        bool known = false;  // of the process
        bool sealed = false, cgroup_told = false;
        uint32_t ring_slot = 0;
        wire::ProcInfo before{};
    };
    // Whether words of this sender count: whose calls are held, we know better. Counted when not.
    bool may_tell(pid_t pid, pid_t ppid);
    bool is_lie(pid_t pid, const ToldImage& image);
    void hear_image(pid_t pid, const ToldImage& image, Ticket& t);
    void meet_by_word(pid_t pid, pid_t ppid, Ticket& t);
    Teller who_tells(pid_t pid, const ToldImage& m);
    void tell_foreign(pid_t pid, const ToldImage& m, Ticket& t);
    void tell_birth(pid_t pid, const Teller& who, const Snapshot& s, pid_t parent, Ticket& t);
    void tell_exec(pid_t pid, const Teller& who, const Snapshot& s, const ToldImage& m, Ticket& t);

    // coverage.cc
    // Records once for each process and reason what of it is not seen.
    void say(pid_t pid, wire::CoverageReason reason, wire::CoverageLevel level);
    void say_of_image(pid_t pid, const ExecFile& file, const Credentials& rights);
    void say_of_unheld(pid_t pid, bool entered);
    void say_of_call(const HeldCall& c, const Captured& found);

    // exec_story.cc
    void begin_exec(TrapBackend& backend, const HeldCall& c, uint32_t ring_slot, Ticket& t);
    uint64_t mark_of(pid_t pid);
    void settle_exec(const HeldCall& c, Ticket& t);
    // What is known of the image that executed; whether /proc shows another one.
    struct Before {
        UniqueFd stat;
        uint64_t arg_start = 0, start_stack = 0, start_time = 0;
        char comm[sizeof Process::comm] = {};
        explicit Before(const Process& p);
        Before() = default;
    };
    bool is_another_image(pid_t pid, const PendingExec& exec, Before& was, Stat& now) const;
    // An image that has called for nothing: whether it is one is looked up, and told. False: not yet.
    bool tell_silent(pid_t pid, Ticket& t);
    // With the table's lock held, which is given up meanwhile: whoever tells this process's execution comes first.
    PendingExec* await_telling(pid_t pid, std::unique_lock<std::mutex>& guard);
    void make_room_for_exec(pid_t pid, Ticket& t);
    void confirm_exec(pid_t pid, const PendingExec& exec, const Stat& seen, Ticket& t);
    void confirm_unknown_exec(pid_t pid, Ticket& t);
    // What another trap process needs to tell it in our stead, and that it does.
    void leave_exec(pid_t pid, const PendingExec& exec, const Process& p);
    void withdraw_exec(pid_t pid);
    bool first_heard(pid_t pid);
    void tell_left_exec(const HeldCall& c, Ticket& t);
    void fail_exec(pid_t pid, const PendingExec& exec, int64_t result, const Ticket& t);
    // A pending exec has succeeded. False: none was pending.
    bool end_exec(pid_t pid, Ticket& t);
    void put_vector(const HeldCall& c, wire::PayloadWriter& out) const;

    ProcessTable& table_;
    TrapRing& ring_;
    Registrar& registrar_;
    wire::Registry& registry_;
    LineageBook lineage_;
    NewestProcess newest_;
    ExecCache exec_cache_;
    Agents agents_;
    int deaths_, newborn_timer_;
    std::string shim_;
    wire::Origin origin_ = wire::Origin::notify;
    bool exact_ = false, went_on_ = false;
    bool holds_ = false;  // there is a back end
    std::atomic<bool> awaits_images_{false};  // the timer is set for them
    std::atomic<unsigned> image_tellers_{0};
    CallBook book_;
    std::atomic<pid_t> held_end_{0};
    HandOver* hand_over_ = nullptr;
    int wake_ = -1;
};

}  // namespace undercoat::instrument
