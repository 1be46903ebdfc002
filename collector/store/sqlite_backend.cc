// Everything in one directory, see backend.h.
#include "collector/backend.h"

namespace undercoat::collector {
namespace {

class SqliteBackend : public Backend {
public:
    SqliteBackend(std::string directory, std::unique_ptr<SqliteStore> alerts)
        : directory_(std::move(directory)), alerts_(std::move(alerts)) {}
    Store& alerts() override { return *alerts_; }
    Result<std::unique_ptr<AccountStore>> accounts() override { return open_sqlite_accounts(directory_); }
    Result<std::unique_ptr<AgentStore>> agents() override { return open_sqlite_agents(directory_); }
    Result<std::unique_ptr<RulesetStore>> rulesets() override { return RulesetStore::open(directory_); }
    bool watch(Watch) override { return false; }
    void stop_watching() override {}
    std::unique_ptr<Shares> shares(int) override { return nullptr; }

private:
    const std::string directory_;
    std::unique_ptr<SqliteStore> alerts_;
};

}  // namespace

Result<std::unique_ptr<Backend>> open_sqlite_backend(const StoreSettings& settings) {
    auto alerts = SqliteStore::open(settings);
    if (!alerts) return Error{alerts.error()};
    return std::unique_ptr<Backend>(std::make_unique<SqliteBackend>(settings.directory, std::move(*alerts)));
}

}  // namespace undercoat::collector
