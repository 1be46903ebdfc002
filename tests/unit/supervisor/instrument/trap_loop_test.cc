// The loop over a back end made of a queue: every trap is answered in time, whatever happens to the threads.
#include "supervisor/instrument/trap_loop.h"

#include <condition_variable>
#include <vector>
#include <deque>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <map>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/instrument/fds.h"
#include "supervisor/instrument/shared.h"

namespace undercoat::instrument {
namespace {

class QueueBackend final : public TrapBackend {
public:
    void push(const Trap& t) {
        std::lock_guard guard(mutex_);
        queue_.push_back(t);
        arrived_.notify_one();
    }
    Next next(Trap& t) override {
        std::unique_lock guard(mutex_);
        if (!arrived_.wait_for(guard, std::chrono::milliseconds(50), [&] { return !queue_.empty(); })) return Next::again;
        t = queue_.front();
        queue_.pop_front();
        return Next::trap;
    }
    bool pending(int) override { return true; }
    bool proceed(uint64_t id) override { return note(id, 0); }
    bool fail(uint64_t id, int error) override { return note(id, -error); }
    bool succeed(uint64_t id, int64_t value) override { return note(id, value); }
    bool give_fd(uint64_t id, int) override { return note(id, 3); }
    bool valid(uint64_t) override { return true; }
    int end_fd() const override { return -1; }
    wire::Origin origin() const override { return wire::Origin::notify; }
    bool wait_for(size_t n) {
        std::unique_lock guard(mutex_);
        return answered_.wait_for(guard, std::chrono::seconds(20), [&] { return answers.size() >= n; });
    }
    std::map<uint64_t, int64_t> answers;

private:
    bool note(uint64_t id, int64_t value) {
        std::lock_guard guard(mutex_);
        const bool first = answers.emplace(id, value).second;
        answered_.notify_all();
        return first;
    }
    std::mutex mutex_;
    std::condition_variable arrived_, answered_;
    std::deque<Trap> queue_;
};

// Everything lives as long as the process: the loop's threads never end.
struct World {
    Result<Shared> shared = make_shared_memory();
    QueueBackend backend;
    ProcessTable table;
    TrapRing ring{shared->trap.ring, *shared->registry};
    Registrar registrar{*shared, wire::CaptureMode::full};
    Handler handler{table, ring, registrar, *shared->registry, Agents{1 << 20, getpid(), 0}, epoll_create1(0),
                    timerfd_create(CLOCK_MONOTONIC, 0), ""};
    uint64_t counted(wire::Counter c) const { return shared->registry->counters[static_cast<size_t>(c)]; }
    HandOver& held = *map_hand_over();
    TrapLoop loop{backend, handler, *shared->registry, held};
};

Trap trap_of(uint64_t id, wire::Call call, std::initializer_list<uint64_t> args) {
    Trap t{};
    t.id = id;
    t.tid = static_cast<uint32_t>(getpid());
    t.arch = AUDIT_ARCH_X86_64;
    t.nr = static_cast<uint64_t>(wire::info(call).x86_64);
    std::copy(args.begin(), args.end(), t.args);
    return t;
}

// A world is never freed: its loop's threads outlive the test. The list keeps it reachable, so that it is no leak.
World& make_world() {
    static World* all[64];
    static size_t n = 0;
    if (n == 0) reserve_fds();  // as the trap process does, before it has threads
    all[n] = new World;
    return *all[n++];
}

TEST(TrapLoop, AnswersEveryTrapOnce) {
    auto& w = make_world();
    ASSERT_TRUE(w.loop.start());
    static const char path[] = "/etc/hostname";
    for (uint64_t id = 1; id <= 2000; ++id)
        w.backend.push(trap_of(id, wire::Call::open, {reinterpret_cast<uint64_t>(path), 0}));
    ASSERT_TRUE(w.backend.wait_for(2000));
    const auto records = w.shared->registry->counters[static_cast<size_t>(wire::Counter::records)];
    EXPECT_EQ(records, 2001u);  // and the birth of this process
    for (const auto& [id, value] : w.backend.answers) EXPECT_EQ(value, 0) << id;
}

// Three calls of a trap process that has died: one not told, one whose record is whole, one whose record it left unfinished.
TEST(TrapLoop, GoesOnWithWhatADeadOneHeld) {
    auto& w = make_world();
    static const char path[] = "/etc/hostname";
    const auto open_call = [](uint64_t id) { return trap_of(id, wire::Call::open, {reinterpret_cast<uint64_t>(path), 0}); };
    wire::RecordHeader header{};
    header.kind = static_cast<uint16_t>(wire::RecordKind::call);
    note(w.held.places[0], open_call(1));
    note(w.held.places[1], open_call(2));
    ASSERT_TRUE(w.ring.emit(header, nullptr, 0, &w.held.places[1].told_at));
    note(w.held.places[2], open_call(3));
    w.held.places[2].told_at = wire::reserve(w.shared->trap.ring, 0).pos + 1;
    const uint64_t before = w.counted(wire::Counter::records);
    ASSERT_TRUE(w.loop.start());
    ASSERT_TRUE(w.backend.wait_for(3));
    for (const auto& [id, value] : w.backend.answers) EXPECT_EQ(value, 0) << id;
    EXPECT_EQ(w.counted(wire::Counter::records) - before, 3u) << "two calls and the birth of this process";
}

// A call that one trap process after the other dies of is let go.
TEST(TrapLoop, GivesUpACallThatKills) {
    auto& w = make_world();
    note(w.held.places[0], trap_of(1, wire::Call::open, {0, 0}));
    w.held.places[0].tries = 2;
    ASSERT_TRUE(w.loop.start());
    ASSERT_TRUE(w.backend.wait_for(1));
    EXPECT_EQ(w.backend.answers[1], 0);
    EXPECT_EQ(w.counted(wire::Counter::continued_by_watchdog), 1u);
}

// A process that is killed before anybody watched it.
TEST(TrapLoop, TellsTheEndOfShortLives) {
    auto& w = make_world();
    ASSERT_TRUE(w.loop.start());
    const pid_t child = fork();
    if (child == 0)
        for (;;) pause();
    Trap t = trap_of(1, wire::Call::open, {0, 0});
    t.tid = static_cast<uint32_t>(child);
    w.backend.push(t);
    const bool answered = w.backend.wait_for(1);
    EXPECT_EQ(w.counted(wire::Counter::births), 1u);
    EXPECT_EQ(w.counted(wire::Counter::exits), 0u);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    ASSERT_TRUE(answered);
    w.handler.look_after_newborns();
    EXPECT_EQ(w.counted(wire::Counter::exits), 1u);
    auto guard = w.table.lock();
    EXPECT_EQ(w.table.find(child), nullptr);
}

TEST(TrapLoop, RefusesCallsAgainstOurselves) {
    auto& w = make_world();
    ASSERT_TRUE(w.loop.start());
    const auto self = static_cast<uint64_t>(getpid());
    w.backend.push(trap_of(1, wire::Call::kill, {self, 9}));
    w.backend.push(trap_of(2, wire::Call::ptrace, {16, self}));
    w.backend.push(trap_of(3, wire::Call::kill, {self, 0}));
    w.backend.push(trap_of(4, wire::Call::kill, {1 << 20, 15}));
    w.backend.push(trap_of(5, wire::Call::kill, {1 << 20, 9}));
    ASSERT_TRUE(w.backend.wait_for(5));
    EXPECT_EQ(w.backend.answers[1], -EPERM);
    EXPECT_EQ(w.backend.answers[2], -EPERM);
    EXPECT_EQ(w.backend.answers[3], 0);
    EXPECT_EQ(w.backend.answers[4], 0);
    EXPECT_EQ(w.backend.answers[5], -EPERM);
}

TEST(TrapLoop, HandsOutARingOnTheMagicCall) {
    auto& w = make_world();
    ASSERT_TRUE(w.loop.start());
    const auto dirfd = static_cast<uint64_t>(static_cast<uint32_t>(wire::kMagicDirfd));
    w.backend.push(trap_of(1, wire::Call::openat, {dirfd, wire::kMagicPath, wire::kMagicFlags, wire::kAbi}));
    w.backend.push(trap_of(2, wire::Call::openat, {dirfd, wire::kMagicPath, wire::kMagicFlags, wire::kAbi + 1}));
    ASSERT_TRUE(w.backend.wait_for(2));
    EXPECT_EQ(w.backend.answers[1], 3);
    EXPECT_EQ(w.backend.answers[2], -EPROTONOSUPPORT);
    EXPECT_EQ(w.shared->registry->counters[static_cast<size_t>(wire::Counter::rings_registered)], 1u);
}

// A thread that was late with a request has perhaps made the ring: the second one must not make another.
TEST(TrapLoop, TriesNoSecondRing) {
    auto& w = make_world();
    static Ticket first, second;
    const auto dirfd = static_cast<uint64_t>(static_cast<uint32_t>(wire::kMagicDirfd));
    first.trap = trap_of(1, wire::Call::openat, {dirfd, wire::kMagicPath, wire::kMagicFlags, wire::kAbi});
    second.trap = first.trap;
    second.trap.id = 2;
    second.second_try = true;
    w.handler.handle(w.backend, first);
    w.handler.handle(w.backend, second);
    EXPECT_EQ(w.backend.answers[1], 3);
    EXPECT_EQ(w.backend.answers[2], -EAGAIN);
    EXPECT_EQ(w.shared->registry->slots[1].state, static_cast<uint32_t>(wire::SlotState::live));
    EXPECT_EQ(w.shared->registry->slots[2].state, static_cast<uint32_t>(wire::SlotState::free));
}

// Its caller has been answered by the watchdog, has asked again and has another ring: that one stays.
TEST(TrapLoop, AThreadThatWasGivenUpTakesNoRingAway) {
    auto& w = make_world();
    static Ticket late, prompt;
    const auto dirfd = static_cast<uint64_t>(static_cast<uint32_t>(wire::kMagicDirfd));
    prompt.trap = trap_of(1, wire::Call::openat, {dirfd, wire::kMagicPath, wire::kMagicFlags, wire::kAbi});
    late.trap = prompt.trap;
    late.trap.id = 2;
    late.abandoned = true;
    w.handler.handle(w.backend, prompt);
    w.handler.handle(w.backend, late);
    auto guard = w.table.lock();
    EXPECT_EQ(w.table.find(getpid())->ring_slot, 1u);
    EXPECT_EQ(w.shared->registry->slots[1].state, static_cast<uint32_t>(wire::SlotState::live));
    EXPECT_EQ(w.shared->registry->slots[2].state, static_cast<uint32_t>(wire::SlotState::orphaned));
}

// Another thread moves the file into place between the judgement and the kernel's own look: the execution is told all the same.
TEST(TrapLoop, AnExecutionThatWasJudgedToFailIsToldWhenItHappens) {
    auto& w = make_world();
    static Ticket ticket;
    static const char missing[] = "/nonexistent/program", path[] = "/etc/hostname";
    char* const none[] = {nullptr};
    const auto handle = [&](uint64_t id, wire::Call call, std::initializer_list<uint64_t> args) {
        ticket.trap = trap_of(id, call, args);
        ticket.recorded = 0;
        w.handler.handle(w.backend, ticket);
    };
    const auto at = [](const void* p) { return reinterpret_cast<uint64_t>(p); };
    handle(1, wire::Call::execve, {at(missing), at(none), at(none)});
    handle(2, wire::Call::open, {at(path), 0});
    EXPECT_EQ(w.counted(wire::Counter::execs), 0u);
    handle(3, wire::Call::execve, {at(missing), at(none), at(none)});
    {
        auto guard = w.table.lock();
        w.table.find(getpid())->arg_start += 16;  // as if this image were another than that one
    }
    handle(4, wire::Call::open, {at(path), 0});
    EXPECT_EQ(w.counted(wire::Counter::execs), 1u);
}

TEST(TrapLoop, GoneCallersAreNoTrouble) {
    auto& w = make_world();
    ASSERT_TRUE(w.loop.start());
    Trap gone = trap_of(1, wire::Call::open, {0x10, 0});
    gone.tid = 1 << 22;
    w.backend.push(gone);
    gone.id = 2;
    gone.tid = 0;
    w.backend.push(gone);
    w.backend.push(trap_of(3, wire::Call::open, {0x10, 0}));
    ASSERT_TRUE(w.backend.wait_for(3));
}

}  // namespace
}  // namespace undercoat::instrument
