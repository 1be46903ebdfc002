// The agents that have reported: who they are, what they last said. Kept where agent_store.h says.
//
// Must stay true: bounded in number; what an agent says of itself is shown as said, never trusted. Thread-safe; flush() is
// the only call that touches the store. Collectors that share a store learn of each other's agents by it.
#pragma once

#include "base/result.h"
#include "collector/ingest/agent_store.h"
#include "collector/record.h"
#include "wire/remote/messages.h"

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

namespace undercoat::collector {

class Agents {
public:
    static constexpr size_t kMost = 100'000;
    explicit Agents(std::unique_ptr<AgentStore> store);  // throws what the store throws
    // Those of a directory.
    static Result<std::unique_ptr<Agents>> open(const std::string& directory);

    // False: so many are connected that there is no room in the list; otherwise those make room that are away, of the key that names the most
    // of them, and were seen longest ago. `via`: the relay that it came through, if any; `key`: the name of its access key.
    bool hello(const std::string& id, const remote::Hello& hello, const std::string& address, const std::string& via, const std::string& key);
    void here(const std::string& id);  // one connection more
    void heartbeat(const std::string& id, const remote::Heartbeat& heartbeat);
    void rules_status(const std::string& id, const remote::RulesStatus& status);
    void stored(const std::string& id, uint64_t alerts, int64_t missing);
    void gone(const std::string& id);  // one connection less

    std::vector<AgentRecord> all() const;  // those seen last first
    std::optional<AgentRecord> find(const std::string& id) const;
    size_t size() const;
    size_t connected() const;  // to this collector
    // Writes what has changed, reads what others have; forgets agents that were last seen before `oldest_ns`.
    void flush(int64_t oldest_ns);

private:
    void learn(std::vector<AgentRow> rows);
    std::vector<AgentRow> take_changed(int64_t oldest_ns, std::set<std::string>& changed);
    void make_room();  // with mutex_ held, as the next
    AgentRecord as_seen(const std::pair<const std::string, AgentRecord>& known) const;
    mutable std::mutex mutex_;
    std::map<std::string, AgentRecord> agents_;
    std::map<std::string, unsigned> connections_;
    std::set<std::string> changed_;
    std::unique_ptr<AgentStore> store_;  // flush() only
};

}  // namespace undercoat::collector
