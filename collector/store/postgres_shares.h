// Parts of a work, divided among the collectors that share a PostgreSQL: backbone.h.
#pragma once

#include "collector/backbone.h"
#include "collector/store/postgres.h"

namespace undercoat::collector {

// A part is a session's advisory lock: it is free when its holder ends, however that may be.
std::unique_ptr<Shares> open_postgres_shares(PostgresSettings server, int parts);

}  // namespace undercoat::collector
