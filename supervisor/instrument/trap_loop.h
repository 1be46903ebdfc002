// The receiver threads and the watchdog over them.
//
// Must stay true: no call of the workload is held longer than about twice kDeadlineNs because of us, whatever a receiver
// thread is stuck in: after the first deadline another thread tries the call anew, after the second the watchdog lets it go
// with its registers recorded; and somebody receives as long as one thread of ours can run.
//
// One thread receives while it keeps up: the kernel wakes every waiting one for each call. The watchdog adds others while
// calls wait, up to one per processor, and has them end when none did for a while.
#pragma once

#include <atomic>
#include <memory>

#include "supervisor/instrument/held_place.h"
#include "supervisor/instrument/handler.h"

namespace undercoat::instrument {

inline constexpr uint64_t kDeadlineNs = 9'000'000;
// How long a receiver that is not blocked, but gets no processor, is waited for.
inline constexpr uint64_t kStarvedNs = 200'000'000;

class TrapLoop {
public:
    TrapLoop(TrapBackend& backend, Handler& handler, wire::Registry& registry, HandOver& hand_over);
    // Starts the threads. Signals must be blocked already. False: no thread could be started.
    bool start();

private:
    static constexpr unsigned kMostReceivers = 4;
    static constexpr uint32_t kMostTries = 2;  // trap processes that may die of the same call
    // Beyond so many stuck threads nobody looks at files for a result, so that no more get stuck in those.
    static constexpr unsigned kBlindLimit = wire::kMaxTrapThreads / 4;
    static constexpr unsigned kStuckLimit = wire::kMaxTrapThreads * 3 / 4;  // beyond: registers only
    static void* receiver_entry(void* self);
    static void* watchdog_entry(void* self);
    struct Held {
        Trap trap;
        bool told;
        uint32_t tries;
        bool blocked = false;  // a thread of ours was held up by it
    };
    bool start_receiver(const Held* retry = nullptr);
    void take_up_held();
    bool serve(unsigned index);
    void take_over(unsigned index);
    void receive_in_need();
    void receive(unsigned index);
    void watch();
    void fit_receivers(unsigned at_work);
    unsigned check(uint64_t now);
    void wake_watchdog();
    void note(unsigned index, uint64_t id);
    void go_on_with(const Held& h);

    TrapBackend& backend_;
    Handler& handler_;
    wire::Registry& registry_;
    HandOver& hand_over_;
    struct Place {
        Ticket ticket;
        std::atomic<bool> taken{false};
        TrapLoop* loop = nullptr;
        unsigned index = 0;
        std::atomic<pid_t> tid{0};
    };
    std::unique_ptr<Place[]> places_;
    std::unique_ptr<Ticket> need_;
    std::atomic<unsigned> stuck_{0}, able_{0};  // receivers in trouble, and the others
    std::atomic<unsigned> wanted_{1};           // how many able ones there should be; the watchdog's
    unsigned most_ = 1, backlog_looks_ = 0, free_looks_ = 0;
    std::atomic<uint32_t> busy_{0};      // raised by receivers; the watchdog sleeps on it
    std::atomic<bool> sleeping_{false};
};

}  // namespace undercoat::instrument
