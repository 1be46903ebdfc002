// Everything in a PostgreSQL that several collectors share, see backend.h.
#pragma once

#include "collector/backend.h"
#include "collector/store/postgres.h"

namespace undercoat::collector {

// Waits for a server that is not there yet, half a minute. `settings.directory` means nothing.
Result<std::unique_ptr<Backend>> open_postgres_backend(PostgresSettings server, const StoreSettings& settings,
                                                       std::function<void(const std::string&)> log);

// For the backend. These throw.
std::unique_ptr<AgentStore> open_postgres_agents(PostgresPool& pool);
std::unique_ptr<RulesetStore> open_postgres_rulesets(PostgresPool& pool);

}  // namespace undercoat::collector
