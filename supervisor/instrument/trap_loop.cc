// See trap_loop.h. The watchdog looks every few milliseconds while traps come, and sleeps on a futex while none do.
#include "supervisor/instrument/trap_loop.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <climits>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ctime>
#include <unistd.h>

#include "supervisor/instrument/fault.h"
#include "supervisor/instrument/log.h"
#include "supervisor/instrument/target.h"

namespace undercoat::instrument {
namespace {

constexpr size_t kStack = 256 * 1024;
constexpr uint64_t kLookNs = 4'000'000;
constexpr unsigned kQuietLooks = 25;
constexpr unsigned kBacklogLooks = 3;  // a call that just comes in looks like a backlog, too
constexpr unsigned kFreeLooks = 60;

bool start_thread(void* (*entry)(void*), void* argument) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, kStack);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_t thread;
    const int error = pthread_create(&thread, &attributes, entry, argument);
    pthread_attr_destroy(&attributes);
    return error == 0;
}

}  // namespace

TrapLoop::TrapLoop(TrapBackend& backend, Handler& handler, wire::Registry& registry, HandOver& hand_over)
    : backend_(backend), handler_(handler), registry_(registry), hand_over_(hand_over), places_(new Place[wire::kMaxTrapThreads]) {}

bool TrapLoop::start() {
    most_ = std::clamp<unsigned>(static_cast<unsigned>(sysconf(_SC_NPROCESSORS_ONLN)), 1, kMostReceivers);
    take_up_held();
    const bool started = start_receiver();
    if (!start_thread(watchdog_entry, this)) log_line(LogLevel::error, "the watchdog thread could not be started");
    return started;
}

// What a trap process that has died held: each call once, though a thread that got stuck may hold it, too.
void TrapLoop::take_up_held() {
    std::vector<Held> all;
    for (HeldPlace& place : hand_over_.places) {
        const Held h{trap_of(place.call), handler_.told(place.told_at), place.tries};
        clear(place);
        if (h.trap.id == 0 || !backend_.valid(h.trap.id)) continue;
        const auto same = std::find_if(all.begin(), all.end(), [&h](const Held& other) { return other.trap.id == h.trap.id; });
        if (same == all.end()) all.push_back(h);
        else same->told |= h.told;
    }
    for (const Held& h : all) go_on_with(h);
}

void TrapLoop::go_on_with(const Held& h) {
    if (h.tries < kMostTries && start_receiver(&h)) return;
    if (!h.told) handler_.record_registers(h.trap);
    if (backend_.proceed(h.trap.id)) wire::count(registry_, wire::Counter::continued_by_watchdog);
}

bool TrapLoop::start_receiver(const Held* retry) {
    for (unsigned i = 0; i < wire::kMaxTrapThreads; ++i) {
        Place& p = places_[i];
        if (p.taken.exchange(true)) continue;
        p.loop = this;
        p.index = i;
        p.tid = 0;
        Ticket& t = p.ticket;
        t.abandoned = false;
        t.recorded = retry && retry->told;
        t.told_at = &hand_over_.places[i].told_at;
        t.registers_only = stuck_ >= kStuckLimit;
        t.second_try = retry != nullptr;
        t.blocked = (retry && retry->blocked) || stuck_ >= kBlindLimit;
        if (retry) {
            t.trap = retry->trap;
            hand_over_.places[i].tries = retry->tries + 1;
            undercoat::instrument::note(hand_over_.places[i], t.trap);
            note(i, t.trap.id);
        }
        t.since = retry ? monotonic_ns() : 0;
        ++able_;
        if (start_thread(receiver_entry, &p)) return true;
        --able_;
        note(i, 0);
        t.since = 0;
        p.taken = false;
        return false;
    }
    return false;
}

void* TrapLoop::receiver_entry(void* place) {
    auto* p = static_cast<Place*>(place);
    prctl(PR_SET_NAME, "undercoat-trap");
    p->tid = gettid();
    p->loop->receive(p->index);
    return nullptr;
}

void* TrapLoop::watchdog_entry(void* self) {
    prctl(PR_SET_NAME, "undercoat-watch");
    static_cast<TrapLoop*>(self)->watch();
    return nullptr;
}

void TrapLoop::receive(unsigned index) {
    Ticket& t = places_[index].ticket;
    if (t.second_try && !serve(index)) return;
    for (;;) {
        const TrapBackend::Next got = backend_.next_kept(t.trap, hand_over_.places[index]);
        if (got == TrapBackend::Next::finished) return;
        if (got == TrapBackend::Next::again) continue;
        note(index, t.trap.id);
        t.recorded = 0;
        t.second_try = false;
        t.blocked = stuck_ >= kBlindLimit;
        t.registers_only = stuck_ >= kStuckLimit;
        t.since = monotonic_ns();
        wake_watchdog();
        if (inject_fault() == Fault::die) return;
        if (!serve(index)) return;
    }
}

// False: the thread is not needed any more; it may have been given up meanwhile.
bool TrapLoop::serve(unsigned index) {
    Place& p = places_[index];
    handler_.handle(backend_, p.ticket);
    p.ticket.since = 0;
    note(index, 0);
    if (p.ticket.abandoned) {
        --stuck_;
        ++able_;
        p.ticket.abandoned = false;
    }
    unsigned able = able_;
    while (able > wanted_)
        if (able_.compare_exchange_weak(able, able - 1)) {
            p.taken = false;
            return false;
        }
    return true;
}

// Which call this thread holds, where it outlives the thread (registry) and this process (hand-over page).
void TrapLoop::note(unsigned index, uint64_t id) {
    __atomic_store_n(&registry_.outstanding[index], id, __ATOMIC_RELEASE);
    if (id == 0) clear(hand_over_.places[index]);
}

void TrapLoop::wake_watchdog() {
    busy_.fetch_add(1, std::memory_order_relaxed);
    if (sleeping_.exchange(false)) syscall(SYS_futex, &busy_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

void TrapLoop::watch() {
    uint32_t last = 0;
    unsigned quiet = 0;
    for (;;) {
        timespec pause{0, kLookNs};
        nanosleep(&pause, nullptr);
        const uint32_t seen = busy_;
        const unsigned at_work = check(monotonic_ns());
        fit_receivers(at_work);
        quiet = at_work != 0 || seen != last ? 0 : quiet + 1;
        last = seen;
        if (quiet < kQuietLooks) continue;
        sleeping_ = true;
        if (busy_ == seen) syscall(SYS_futex, &busy_, FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0);
        sleeping_ = false;
        quiet = 0;
    }
}

// Another one while calls wait, one fewer after a while without.
void TrapLoop::fit_receivers(unsigned at_work) {
    const bool backlog = at_work >= able_ && backend_.pending(0);
    backlog_looks_ = backlog ? backlog_looks_ + 1 : 0;
    free_looks_ = backlog ? 0 : free_looks_ + 1;
    if (backlog_looks_ >= kBacklogLooks && wanted_ < most_) {
        ++wanted_;
        backlog_looks_ = 0;
        start_receiver();
    } else if (free_looks_ >= kFreeLooks && wanted_ > 1) {
        --wanted_;
        free_looks_ = 0;
    }
}

namespace {

// Whether a thread of ours runs, or waits for a processor only: for one of its own, or for that of another thread of ours that holds a
// lock, as locks are not held while files are looked at. False when that cannot be read.
bool runnable(pid_t tid) {
    char path[32], text[256];
    if (tid == 0) return true;  // it has not run yet
    snprintf(path, sizeof path, "task/%d/stat", tid);
    size_t n = read_proc(getpid(), path, text, sizeof text);
    const char* close = n != 0 ? static_cast<const char*>(memrchr(text, ')', n)) : nullptr;
    if (!close || close + 2 >= text + n) return false;
    if (close[2] != 'S') return close[2] == 'R';
    snprintf(path, sizeof path, "task/%d/syscall", tid);
    n = read_proc(getpid(), path, text, sizeof text - 1);
    text[n] = 0;
    return strncmp(text, "running", 7) == 0 || atoi(text) == SYS_futex;
}

}  // namespace

// Returns how many receivers are at work.
unsigned TrapLoop::check(uint64_t now) {
    unsigned at_work = 0;
    for (unsigned i = 0; i < wire::kMaxTrapThreads; ++i) {
        const Ticket& t = places_[i].ticket;
        const uint64_t since = t.since;
        if (!places_[i].taken || since == 0 || t.abandoned) continue;
        ++at_work;
        if (now <= since + kDeadlineNs || t.since != since) continue;
        // On a loaded machine a thread may be late for want of a processor; another one would be no sooner.
        if (now <= since + kStarvedNs && runnable(places_[i].tid)) continue;
        if (t.since == since) take_over(i);
    }
    while (able_ == 0 && !start_receiver()) receive_in_need();
    return at_work;
}

// The thread at `index` is late with its call: somebody else tries it once; who fails at that, too, leaves the registers.
void TrapLoop::take_over(unsigned index) {
    Place& p = places_[index];
    Ticket& t = p.ticket;
    const Trap trap = t.trap;
    const bool dead = p.tid != 0 && syscall(SYS_tgkill, getpid(), p.tid.load(), 0) != 0;
    t.abandoned = true;
    --able_;
    if (!dead) ++stuck_;
    wire::count(registry_, wire::Counter::threads_replaced);
    const bool untold = t.recorded.exchange(1) == 0;
    const Held again{trap, false, hand_over_.places[index].tries, true};
    const bool retried = untold && !t.second_try && !t.registers_only && start_receiver(&again);
    if (!retried) {
        if (untold) handler_.record_registers(trap);
        if (backend_.proceed(trap.id)) wire::count(registry_, wire::Counter::continued_by_watchdog);
        start_receiver();
    }
    if (!dead) return;
    note(index, 0);
    t.since = 0;
    p.taken = false;
}

// Every place is taken by a stuck thread: the watchdog lets calls go itself, their registers recorded.
void TrapLoop::receive_in_need() {
    if (!need_) need_ = std::make_unique<Ticket>();
    HeldPlace& place = hand_over_.places[wire::kMaxTrapThreads];
    if (!backend_.pending(2) || backend_.next_kept(need_->trap, place) != TrapBackend::Next::trap) return;
    handler_.record_registers(need_->trap);
    if (backend_.proceed(need_->trap.id)) wire::count(registry_, wire::Counter::continued_by_watchdog);
    clear(place);
}

}  // namespace undercoat::instrument
