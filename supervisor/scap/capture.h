// A .scap capture, as sysdig and Falco write them: its lists seed a state, its events come one by one.
//
// Reads section version 1.x: events of the first version, of the second (with the count of their parameters) and with long lengths,
// each with and without flags; process lists 1 to 9, lists of descriptors, interfaces and users in both versions; plain or gzip.
// Must stay true: the bytes may be anything; every message names FILE and the offset in the decompressed bytes; every block that is
// not read is counted by its type. The state must be one of Options::foreign.
#pragma once

#include "supervisor/scap/events.h"
#include "supervisor/scap/lists.h"

#include <bitset>
#include <map>

namespace undercoat::scap {

struct CaptureCounters {
    uint64_t blocks = 0;
    uint64_t bad_metadata = 0;  // container events that cannot be understood
    uint64_t lost_fd_lists = 0; // of processes that are in no list
    uint64_t other_skipped = 0; // blocks of still more types
    std::map<uint32_t, uint64_t> skipped;  // by type; at most kMostTypes
    ListCounters lists;
    static constexpr size_t kMostTypes = 64;
};

class Capture {
public:
    // The error names the file. `state` must outlive the Capture.
    static Result<std::unique_ptr<Capture>> open(const std::string& file, state::State& state);
    Capture(std::unique_ptr<Input> input, std::string name, state::State& state)
        : name_(std::move(name)), state_(state), blocks_(std::move(input)) {}

    // The next event, its state not yet applied: num is its place among the capture's events, enters counted too. False: the end.
    // The error "FILE:OFFSET: …" is the last word.
    Result<bool> next(event::Event& e);
    const CaptureCounters& counters() const { return counters_; }
    const EventCounters& event_counters() const { return events_.counters(); }
    // Whether the last event has an enter of its own in the capture, which next() did not give out.
    bool had_enter() const { return events_.had_enter(); }
    // What was skipped and why, in a sentence for people; "" if nothing.
    std::string complaints() const;

private:
    Status take_list(const Block& block);
    void skip(BlockType type);
    void place(event::Event& e);
    void take_fds(const Block& block);
    void settle_connections();

    std::string name_;
    state::State& state_;
    BlockReader blocks_;
    EventReader events_;
    CaptureCounters counters_;
    bool in_section_ = false;
    // Connections wait until it is known on which ports of the machine somebody listens.
    struct Connection {
        int64_t tid, number;
        state::FdInfo info;
    };
    std::vector<Connection> connections_;
    std::bitset<65536> server_ports_;
};

// A state's options for captures.
state::Options capture_options(state::Options options);
// Whether the file begins as captures do. False for what cannot be read, and for "-".
bool is_capture(const std::string& file);

}  // namespace undercoat::scap
