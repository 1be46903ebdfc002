// Where the list of agents is kept: what agents.h needs of a database.
//
// Must stay true: one thread at a time; a failure is thrown, and then nothing was changed.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace undercoat::collector {

struct AgentRow {
    std::string id;
    std::string about;         // JSON as the API gives it; empty: forget it
    int64_t last_seen_ns = 0;
    // What was stored of it and what never came, over all collectors that share the store; nothing where there is one only.
    struct Totals {
        uint64_t alerts = 0;
        int64_t missing = 0;
    };
    std::optional<Totals> totals;
};

class AgentStore {
public:
    virtual ~AgentStore() = default;
    // Several collectors use it, and it counts what is stored of each agent.
    virtual bool shared() const = 0;
    virtual std::vector<AgentRow> load() = 0;
    // A row that another collector has of a later time stays.
    virtual void save(const std::vector<AgentRow>& rows) = 0;
    // What others, or this one, have changed since load() or the last call; may hold more.
    virtual std::vector<AgentRow> changed_by_others() = 0;
};

// agents.db in a directory.
Result<std::unique_ptr<AgentStore>> open_sqlite_agents(const std::string& directory);

}  // namespace undercoat::collector
