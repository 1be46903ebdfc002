// What an orchestrator has taken over from agents and the collector has not acknowledged: the agents' own frames, in relay.db.
//
// Must stay true: what commit() took is there after a kill; nothing is dropped: when the spool is full commit() refuses, and the
// agents keep their alerts; a frame leaves only when it is acknowledged; of a stream, frames leave in the order they came; an agent
// is known for as long as a batch of its is here or on its way here. Thread-safe; what the server's thread calls (keep_hello, expect,
// waits, counters) never waits for the disk.
#pragma once

#include "collector/store/sqlite.h"
#include "collector/store/store.h"

#include <array>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <tuple>

namespace undercoat::collector {

struct SpooledBatch {
    int64_t id = 0;
    std::string agent;
    uint64_t epoch = 0;
    uint32_t stream = 0;
    uint64_t last = 0;    // number of its last alert
    std::string frame;
};

class RelaySpool : public Committer {
public:
    struct Counters {
        uint64_t batches = 0, alerts = 0, bytes = 0;  // that wait
        uint64_t forwarded = 0;                       // alerts acknowledged since the start
    };
    // Error: a sentence.
    static Result<std::unique_ptr<RelaySpool>> open(const std::string& directory, uint64_t max_bytes);

    // Keeps who the agent is; written before the next batch, so that no batch is of a stranger after a restart.
    void keep_hello(const std::string& agent, std::string_view frame);
    // A batch of the agent will be committed.
    void expect(const std::string& agent);
    Result<Stored> commit(const std::vector<Incoming>& incoming) override;
    void tidy() override {}
    // Forgets agents that are not among `present` and of which nothing waits.
    void forget_agents(const std::set<std::string>& present);
    // Who the agents are that are not forgotten: their frames by their ids.
    std::map<std::string, std::string> hellos();

    // What is to be sent next, severe alerts first; nothing: all has been handed out.
    std::optional<SpooledBatch> next();
    // Everything that is not acknowledged is to be handed out again.
    void rewind();
    // False: the disk refuses; the same is to be said again later.
    bool acknowledged(const std::vector<int64_t>& ids);
    bool waits(const std::string& agent) const;
    Counters counters() const;

private:
    static constexpr unsigned kClasses = remote::kStreams;  // by severity, which is what streams are for
    using StreamKey = std::tuple<std::string, uint64_t, uint32_t>;
    RelaySpool(const std::string& directory, uint64_t max_bytes);
    void write(const std::map<std::string, std::string>& hellos, const std::vector<Incoming>& incoming, Stored& out,
               std::map<StreamKey, uint64_t>& passed);
    void note(const std::vector<Incoming>& incoming, const Stored& stored);

    const uint64_t max_bytes_;
    std::mutex mutex_;  // of the database; held while it writes
    Database db_;
    std::optional<Statement> insert_, next_, delete_, hello_;
    std::array<int64_t, kClasses> sent_{};               // ids up to which was handed out
    std::map<StreamKey, uint64_t> taken_;                // numbers up to which was taken, as far as is remembered
    mutable std::mutex facts_mutex_;  // of what follows; held for moments only, also while mutex_ is
    std::map<std::string, std::string> new_hellos_;                    // not written yet
    std::map<std::string, uint64_t, std::less<>> expected_, waiting_;  // batches by agent
    Counters counters_;
};

}  // namespace undercoat::collector
