// The list of agents in agents.db, see agent_store.h.
#include "collector/ingest/agent_store.h"

#include "collector/store/sqlite.h"

namespace undercoat::collector {
namespace {

class SqliteAgents : public AgentStore {
public:
    explicit SqliteAgents(const std::string& directory) : db_(directory + "/agents.db", Database::Use::write) {
        db_.run("CREATE TABLE IF NOT EXISTS agents(id TEXT PRIMARY KEY, about TEXT NOT NULL)");
    }

    bool shared() const override { return false; }

    std::vector<AgentRow> load() override {
        std::vector<AgentRow> out;
        Statement rows(db_, "SELECT id, about FROM agents");
        while (rows.step()) out.push_back({rows.text(0), rows.text(1), 0, {}});
        return out;
    }

    void save(const std::vector<AgentRow>& rows) override {
        Transaction t(db_);
        Statement put(db_, "INSERT INTO agents(id, about) VALUES(?,?) ON CONFLICT DO UPDATE SET about = excluded.about");
        Statement drop(db_, "DELETE FROM agents WHERE id = ?");
        for (const AgentRow& row : rows) {
            Statement& s = row.about.empty() ? drop : put;
            s.bind(1, row.id);
            if (!row.about.empty()) s.bind(2, row.about);
            s.run();
        }
        t.commit();
    }

    std::vector<AgentRow> changed_by_others() override { return {}; }

private:
    Database db_;
};

}  // namespace

Result<std::unique_ptr<AgentStore>> open_sqlite_agents(const std::string& directory) try {
    return std::unique_ptr<AgentStore>(std::make_unique<SqliteAgents>(directory));
} catch (const SqliteError& e) {
    return Error{std::string("The list of agents cannot be opened: ") + e.what() + "."};
}

}  // namespace undercoat::collector
