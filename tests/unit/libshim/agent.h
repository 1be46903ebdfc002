// A small instrument for tests of the shim: hands out rings over a socket (preload) or by a seccomp notification
// (full), keeps every record, and every call that came to the trap.
//
// Must stay true: it judges nothing; what the shim did is in `records()` and `traps()` in the order of each ring.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "wire/local/calls.h"
#include "wire/local/handover.h"
#include "wire/local/ring_reader.h"

namespace undercoat::test {

struct Seen {
    wire::RecordKind kind;
    std::string call;  // name in the table; empty: none
    uint32_t ring;
    uint32_t tid;
    uint8_t flags;
    int64_t result;
    std::vector<uint64_t> args;
    std::multimap<wire::Tag, std::string> pieces;  // bytes by tag
    std::string text(wire::Tag tag) const {
        const auto i = pieces.find(tag);
        return i == pieces.end() ? "" : i->second;
    }
    uint32_t seq() const;
};

struct Trap {
    std::string call;
    uint32_t pid;
    uint64_t args[6];
    uint32_t seq;  // 0: no cookie
};

struct Outcome {
    int status = -1;     // wait status
    std::string output;  // stdout and stderr together
};

struct AgentOptions {
    bool full = false;  // a filter and notifications; else a meeting socket
    bool want_results = false;
    bool drain = true;  // false: read the rings only at the end
    bool refuse_rings = false;
    uint32_t granules = wire::kShimRingGranules;
};

class Agent {
public:
    explicit Agent(AgentOptions options = {});
    ~Agent();
    Agent(const Agent&) = delete;
    Agent& operator=(const Agent&) = delete;

    // Runs a program to its end with the shim. `environment`: all of it but what the shim needs.
    Outcome run(const std::vector<std::string>& argv,
                const std::vector<std::string>& environment = {"PATH=/usr/bin:/bin"});
    std::vector<Seen> records() const;
    std::vector<Trap> traps() const;
    uint64_t drops() const;
    size_t rings() const;

private:
    struct OneRing {
        wire::Ring ring;
        wire::RingReader reader;
        int fd;
    };
    int new_ring();
    void drain_all(bool at_end);
    void serve();
    void serve_meeting();
    void serve_listener();
    AgentOptions options_;
    std::string directory_, meeting_;
    int socket_ = -1, listener_ = -1;
    bool stop_ = false;
    mutable std::mutex mutex_;
    std::vector<OneRing> rings_;
    std::vector<Seen> records_;
    std::vector<Trap> traps_;
    std::thread thread_;
};

// The program without any of it.
Outcome run_native(const std::vector<std::string>& argv,
                   const std::vector<std::string>& environment = {"PATH=/usr/bin:/bin"});

// Calls of one name, in order.
std::vector<Seen> of(const std::vector<Seen>& records, const std::string& call);

}  // namespace undercoat::test
