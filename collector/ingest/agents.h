// The agents that have reported: who they are, what they last said. Kept in agents.db.
//
// Must stay true: bounded in number; what an agent says of itself is shown as said, never trusted. Thread-safe; flush() is
// the only call that touches the disk.
#pragma once

#include "base/result.h"
#include "collector/record.h"
#include "collector/store/sqlite.h"
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
    size_t connected() const;
    // Writes what has changed; forgets agents that were last seen before `oldest_ns`.
    void flush(int64_t oldest_ns);

private:
    explicit Agents(const std::string& directory);
    void read();
    void make_room();  // with mutex_ held
    mutable std::mutex mutex_;
    std::map<std::string, AgentRecord> agents_;
    std::map<std::string, unsigned> connections_;
    std::set<std::string> changed_;
    Database db_;  // flush() only
};

}  // namespace undercoat::collector
