// Everything that a collector keeps, as one: alerts, accounts, agents, rulesets, of the same kind of database.
//
// Must stay true: what accounts(), agents() and rulesets() give lives no longer than the backend.
#pragma once

#include "collector/auth/account_store.h"
#include "collector/backbone.h"
#include "collector/ingest/agent_store.h"
#include "collector/policy/ruleset_store.h"
#include "collector/store/sqlite_store.h"

#include <functional>
#include <memory>

namespace undercoat::collector {

// What a database that several collectors share tells each of them. Called by a thread of the backend.
struct Watch {
    std::function<void()> rules_changed;
    std::function<bool()> anybody;  // cares for alerts just now
    std::function<void(std::vector<AlertRecord>&&)> alerts;
};

class Backend {
public:
    virtual ~Backend() = default;
    virtual Store& alerts() = 0;
    virtual Result<std::unique_ptr<AccountStore>> accounts() = 0;
    virtual Result<std::unique_ptr<AgentStore>> agents() = 0;
    virtual Result<std::unique_ptr<RulesetStore>> rulesets() = 0;
    // False: nobody shares it, and what is stored is told by commit() alone. True: everything comes by `watch`, one's own too.
    virtual bool watch(Watch watch) = 0;
    virtual void stop_watching() = 0;
    // Null: nobody shares it.
    virtual std::unique_ptr<Shares> shares(int parts) = 0;
};

// Of one directory.
Result<std::unique_ptr<Backend>> open_sqlite_backend(const StoreSettings& settings);

}  // namespace undercoat::collector
