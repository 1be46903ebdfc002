// Accounts in PostgreSQL, which several collectors share.
//
// Must stay true: what one collector changes, each learns by NOTIFY, within milliseconds while it is connected; the one that changed it
// knows at once. While the server is away everybody goes on with what is known.
#pragma once

#include "collector/auth/account_store.h"
#include "collector/store/postgres.h"

#include <mutex>

namespace undercoat::collector {

// What the database said last. Thread-safe.
class AccountNews {
public:
    explicit AccountNews(PostgresPool& pool) : pool_(pool) {}
    void reload();  // throws
    std::optional<KnownAccounts> take();

private:
    PostgresPool& pool_;
    std::mutex load_mutex_;  // so that what was read last is what is known last
    std::mutex mutex_;
    std::optional<KnownAccounts> known_;
};

// Throws.
std::unique_ptr<AccountStore> open_postgres_accounts(PostgresPool& pool, std::shared_ptr<AccountNews> news);

}  // namespace undercoat::collector
