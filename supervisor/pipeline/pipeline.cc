// The supervisor's loop.
#include "supervisor/pipeline/pipeline.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <poll.h>

#include "wire/local/cgroup_files.h"

namespace undercoat::pipeline {

using ingest::AgentEvent;
using wire::AgentMessageKind;

namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kTick = 100 * kMs;
constexpr uint64_t kAwake = 50 * kMs;  // after the last record
constexpr uint64_t kLongIdle = 1000 * kMs;
constexpr size_t kFlood = 256;  // records in one turn
constexpr uint64_t kDrainLimit = 8'000 * kMs;
constexpr uint64_t kOutputLimit = 3'000 * kMs;  // of it, for outputs once the rings are empty

}  // namespace

Pipeline::Pipeline(UniqueFd agent, Settings settings) : agent_(std::move(agent)), settings_(std::move(settings)) {}

int Pipeline::run(const MakeSink& make_sink, Requests& requests) {
    if (!wait_for_hello(requests)) return 1;
    start(make_sink);
    announce();
    while (!stopping_ && !requests.stop) {
        receive();
        turn();
        housekeeping(requests);
    }
    drain();
    sink_->stop();
    settle(sink_->commit());
    return 0;
}

void Pipeline::announce() {
    if (announced_ || !sink_->ready()) return;
    announced_ = true;
    __atomic_store_n(&ingest_->registry().ready, 1, __ATOMIC_RELEASE);
    agent_.send(AgentMessageKind::ready);
}

bool Pipeline::wait_for_hello(const Requests& requests) {
    while (!ingest_ && !stopping_ && !requests.stop) {
        pollfd p{agent_.fd(), POLLIN, 0};
        if (poll(&p, 1, 1000) < 0 && errno != EINTR) return false;
        receive();
    }
    return ingest_ != nullptr;
}

void Pipeline::receive() {
    while (std::optional<AgentEvent> e = agent_.receive()) on_message(*e);
}

void Pipeline::on_message(AgentEvent& e) {
    if (e.closed) {
        stopping_ = true;
        return;
    }
    if (e.malformed) return settings_.log("A message of instrument was malformed and is ignored.");
    switch (static_cast<AgentMessageKind>(e.message.kind)) {
        case AgentMessageKind::hello: {
            if (ingest_) return;
            Result<ingest::Mapping> registry = ingest::map_registry(e.fds[0].get());
            if (!registry) return settings_.log(registry.error());
            ingest_ = std::make_unique<ingest::Ingest>(std::move(*registry), ingest::TscClock::calibrate(),
                                                       [this](event::Event& event) { on_event(event); });
            ingest_->on_missing_ring([this] { receive(); });
            ingest_->set_filter([this](int64_t owner, const uint8_t* record, size_t size) {
                return is_repeat(owner, record, size);
            });
            if (Status s = ingest_->add_ring(0, e.fds[1].get()); !s) settings_.log(s.error());
            return;
        }
        case AgentMessageKind::ring:
            if (!ingest_) return;
            if (Status s = ingest_->add_ring(e.message.slot, e.fds[0].get(), e.message.ring_id); !s) settings_.log(s.error());
            return;
        case AgentMessageKind::listener: listener_ = std::move(e.fds[0]); return;
        case AgentMessageKind::stop: stopping_ = true; return;
        default: settings_.log("A message of instrument has the unknown kind " + std::to_string(e.message.kind) + ".");
    }
}

void Pipeline::start(const MakeSink& make_sink) {
    wire::Registry& r = ingest_->registry();
    r.supervisor_pid = getpid();
    settings_.state.reaper = r.workload_pid;
    settings_.state.hide_pid = r.instrument_pid;
    settings_.state.agent_pids = {r.instrument_pid, getppid(), getpid()};
    state_ = std::make_unique<state::State>(settings_.state);
    if (!settings_.state.host)
        metadata_ = std::make_unique<state::Metadata>(+[](const char* name) -> const char* { return std::getenv(name); });
    sink_ = make_sink(*state_);
    scan();
    refresh_interest();
}

std::string Pipeline::mode() const {
    if (!ingest_) return "";
    switch (static_cast<wire::CaptureMode>(ingest_->registry().mode)) {
        case wire::CaptureMode::full: return "full";
        case wire::CaptureMode::preload: return "preload";
        case wire::CaptureMode::trap: return "trap";
    }
    return "";
}

bool Pipeline::restarted() const {
    constexpr auto kRestarts = static_cast<size_t>(wire::Counter::supervisor_restarts);
    return ingest_ && __atomic_load_n(&ingest_->registry().counters[kRestarts], __ATOMIC_RELAXED) != 0;
}

// What already runs: after a restart, or when we were started beside the workload.
void Pipeline::scan() {
    const wire::Registry& r = ingest_->registry();
    std::vector<int64_t> roots;
    if (r.workload_pid != 0) roots.push_back(r.workload_pid);
    for (const wire::RingSlot& s : r.slots)
        if (s.pid != 0 && s.state == static_cast<uint32_t>(wire::SlotState::live)) roots.push_back(s.pid);
    for (const wire::Lineage& l : r.lineage)
        if (l.pid != 0) roots.push_back(l.pid);
    const auto parent_at_birth = [&r](int64_t pid) -> int64_t {
        for (const wire::Lineage& l : r.lineage)
            if (l.pid == pid) return l.ppid;
        return 0;
    };
    if (!roots.empty()) state_->scan(roots, parent_at_birth);
}

// The trap sees such an open itself when it is trapped; the shim's only we see.
void Pipeline::note_cgroups(const event::Event& e) {
    if (!e.has_type() || !(e.info().flags & event::kFdCreates)) return;
    for (const std::string_view path : e.captured.path)
        if (path.data() != nullptr && wire::moves_between_cgroups(path))
            __atomic_store_n(&ingest_->registry().cgroups_move, 1, __ATOMIC_RELAXED);
}

void Pipeline::on_event(event::Event& e) {
    const bool tells = lookout_.admits(e);
    if (tells) show(e);
    if (e.history) return;
    for (event::Event& more : lookout_.what_follows(e, ingest_->registry())) show(more);
}

void Pipeline::show(event::Event& e) {
    try {
        note_cgroups(e);
        state_->apply(e);
        const bool of_nobody = e.kind == event::Kind::call || e.kind == event::Kind::coverage;
        const bool visible = e.has_type() && (of_nobody || state_->context().thread != nullptr);
        if (e.history) return state_->finish();
        if (visible) e.num = ++counters_.events;
        state::Verdict verdict = state::Verdict::noted;
        if (visible || !e.has_type()) verdict = sink_->on_event(e, *state_);
        if (!state::State::changes_descriptors_only(e)) ++epoch_;
        else if (verdict == state::Verdict::quiet) remember(e);
    } catch (const std::exception& x) {
        ++counters_.exceptions;
        if (counters_.exceptions < 10) settings_.log(std::string("An event was given up: ") + x.what());
    }
    repeats_.forget_candidate();
    state_->finish();
}

bool Pipeline::is_repeat(int64_t owner, const uint8_t* record, size_t size) {
    const Repeats::Known* known = repeats_.find(owner, record, size, epoch_);
    if (known == nullptr) return false;
    ++counters_.events, ++counters_.repeats;
    if (known->opened) state_->restore_fd(owner, known->opened->number, known->opened->info);
    sink_->on_repeat();
    return true;
}

void Pipeline::remember(const event::Event& e) {
    const state::Context& c = state_->context();
    std::optional<Repeats::Opened> opened;
    const bool opens = (e.info().flags & event::kFdCreates) != 0 && e.result >= 0;
    if (opens && (c.fd == nullptr || c.fd_from_arguments)) return;
    if (opens) opened = Repeats::Opened{c.fd_number, *c.fd};
    repeats_.remember(std::move(opened), epoch_);
}

void Pipeline::refresh_interest() {
    state::Interest i = sink_->interest();
    i.calls |= state::calls_needed(i.calls);
    if (settings_.all_calls)
        for (size_t c = 0; c < wire::kCallCount; ++c)
            if (wire::captured(wire::kCalls[c])) i.calls.set(c), i.results.set(c), i.names = true;
    ingest_->set_interest(i.calls, i.results, i.names, i.stacks);
}

void Pipeline::turn() {
    const uint64_t now = ingest::monotonic_ns();
    const size_t handled = ingest_->turn(now);
    bool all_safe = true;
    if (handled != 0 || counters_.events != last_events_ || marked_) {
        all_safe = sink_->commit();
        last_events_ = counters_.events;
    }
    settle(all_safe);
    __atomic_fetch_add(&ingest_->registry().supervisor_beat, 1, __ATOMIC_RELAXED);
    rest(handled);
}

// A slow output that never catches up is followed in steps: from mark to mark.
void Pipeline::settle(bool all_safe) {
    const uint64_t now = ingest::monotonic_ns();
    if (all_safe) {
        marked_ = false;
        return ingest_->commit(now);
    }
    if (marked_ && sink_->reached_mark()) {
        ingest_->commit_mark(now);
        marked_ = false;
    }
    if (!marked_) {
        sink_->mark();
        ingest_->mark();
        marked_ = true;
    }
    ingest_->give_way(now);
}

// Busy: again at once. Then four milliseconds, as each wake-up costs the workload that shares our core; one where rings fill so
// fast that they would be full by then. The socket wakes us for new rings. After a while without a record, until somebody wakes us: once
// in that while, so that who does it for nothing costs no more than looking would.
void Pipeline::rest(size_t handled) {
    const uint64_t now = ingest::monotonic_ns();
    if (handled > kFlood) flood_until_ = now + 200 * kMs;
    if (handled != 0) awake_until_ = now + kAwake;
    if (handled > 64) return;
    if (now >= awake_until_ && !marked_ && ingest_->sleep(next_tick_)) {
        const uint64_t woken = ingest::monotonic_ns();
        if (woken < next_tick_) awake_until_ = woken + kAwake;
        return;
    }
    // Where nobody can wake us: a ring holds eight milliseconds of a loop that does nothing but open and close.
    const int wait_ms = now < flood_until_ ? 1 : now < awake_until_ + kLongIdle ? 4 : 7;
    pollfd p{agent_.fd(), POLLIN, 0};
    poll(&p, 1, wait_ms);
}

void Pipeline::housekeeping(Requests& requests) {
    const uint64_t now = ingest::monotonic_ns();
    if (requests.reload.exchange(false)) {
        sink_->reload();
        ++epoch_;
        refresh_interest();
    }
    if (requests.reopen.exchange(false)) sink_->reopen();
    if (now >= next_clock_) {
        ingest_->clock().update(ingest::TscClock::sample());
        next_clock_ = now + 1000 * kMs;
        ++epoch_;
    }
    if (now < next_tick_) return;
    next_tick_ = now + kTick;
    if (metadata_ && metadata_->take(state_->container())) ++epoch_;
    for (event::Event& e : lookout_.look_around(ingest_->registry(), now)) show(e);
    sink_->tick(now);
    if (sink_->interest_changed()) {
        ++epoch_;
        refresh_interest();
    }
    announce();
}

// What was written before stop came; what comes later is nobody's. Slow outputs are given a while of their own.
void Pipeline::drain() {
    uint64_t until = ingest::monotonic_ns() + kDrainLimit;
    bool emptied = false;
    for (bool again = true; again && ingest::monotonic_ns() < until;) {
        receive();
        again = ingest_->turn(ingest::monotonic_ns()) != 0;
        if (!again) ingest_->release_held();
        again = again || !ingest_->drained();
        const bool all_safe = sink_->commit();
        settle(all_safe);
        if (!again && !all_safe) {
            if (!emptied) until = std::min(until, ingest::monotonic_ns() + kOutputLimit);
            emptied = again = true;
        }
        if (again) rest(1);
    }
}

}  // namespace undercoat::pipeline
