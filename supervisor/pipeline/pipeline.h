// Puts the stages in order: rings -> ingest -> state -> sink, and back: the sink's commit -> the rings' tails.
//
// The only place that knows more than one stage. Must stay true: a tail follows what is written, and stays behind what waits
// for a slow output as long as its ring has room; nothing that a record holds ends the program (what a stage
// throws is counted and the next record follows); the rings are drained whether or not there are rules; after stop every
// record that was written before has gone through the sink.
#pragma once

#include "supervisor/ingest/agent_link.h"
#include "supervisor/ingest/ingest.h"
#include "supervisor/pipeline/lookout.h"
#include "supervisor/pipeline/repeats.h"
#include "supervisor/state/metadata.h"
#include "supervisor/state/sink.h"

#include <atomic>
#include <functional>
#include <memory>

namespace undercoat::pipeline {

struct Settings {
    state::Options state;
    bool all_calls = false;  // --events: everything that is captured is wanted
    std::function<void(const std::string&)> log = [](const std::string&) {};
};

struct Counters {
    uint64_t events = 0;       // that rules saw, repeats included
    uint64_t repeats = 0;      // the same as an event that rules had nothing to say of
    uint64_t exceptions = 0;   // thrown by a stage; the event was given up
};

// Set by signal handlers.
struct Requests {
    std::atomic<bool> reload{false};
    std::atomic<bool> reopen{false};
    std::atomic<bool> stop{false};
};

class Pipeline {
public:
    using MakeSink = std::function<std::unique_ptr<state::Sink>(state::State&)>;
    Pipeline(UniqueFd agent, Settings settings);

    // Waits for hello, reads /proc, makes the sink, tells instrument that it is ready, and runs until `stop` or until
    // instrument is gone. Returns the exit status.
    int run(const MakeSink& make_sink, Requests& requests);
    // Whether a supervisor of this run died before this one. Known once the sink is made.
    bool restarted() const;
    // "full", "preload" or "trap"; empty until the sink is made.
    std::string mode() const;
    // Where the sink notes its alerts for a supervisor after this one. Null until the sink is made.
    wire::AlertJournal* alert_journal() { return ingest_ ? &ingest_->registry().alerts : nullptr; }
    const Counters& counters() const { return counters_; }
    const ingest::Counters* ingest_counters() const { return ingest_ ? &ingest_->counters() : nullptr; }

private:
    bool wait_for_hello(const Requests& requests);
    void announce();
    void receive();
    void on_message(ingest::AgentEvent& e);
    void start(const MakeSink& make_sink);
    void scan();
    void turn();
    void drain();
    void note_cgroups(const event::Event& e);
    void on_event(event::Event& e);
    void show(event::Event& e);
    bool is_repeat(int64_t owner, const uint8_t* record, size_t size);
    void remember(const event::Event& e);
    void refresh_interest();
    void settle(bool all_safe);
    void rest(size_t handled);
    void housekeeping(Requests& requests);

    ingest::AgentLink agent_;
    Settings settings_;
    std::unique_ptr<ingest::Ingest> ingest_;
    std::unique_ptr<state::State> state_;
    std::unique_ptr<state::Metadata> metadata_;  // null on a host
    std::unique_ptr<state::Sink> sink_;
    UniqueFd listener_;
    Counters counters_;
    Repeats repeats_;
    Lookout lookout_;
    uint64_t epoch_ = 1;
    bool stopping_ = false;
    bool announced_ = false;  // that the workload may start
    bool marked_ = false;  // part of what came of the events is not written yet
    uint64_t flood_until_ = 0, awake_until_ = 0, next_tick_ = 0, next_clock_ = 0;
    uint64_t last_events_ = 0;
};

}  // namespace undercoat::pipeline
