// The tables of a collector in PostgreSQL: schema `undercoat` of the database.
#pragma once

#include "collector/store/postgres.h"

namespace undercoat::collector {

inline constexpr const char* kChannel = "undercoat";  // of NOTIFY: "accounts", "rules", "alerts FILE FIRST LAST"

// Makes what is missing; several collectors may do so at the same time. Throws.
void make_schema(Postgres& db);
// Begins the file after `last`, unless another collector has done so. Within a transaction.
void begin_postgres_file(Postgres& db, int64_t last);

}  // namespace undercoat::collector
