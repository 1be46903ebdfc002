// The list of agents in PostgreSQL, which several collectors share. See agent_store.h.
#include "collector/store/postgres_backend.h"

#include <map>

namespace undercoat::collector {
namespace {

constexpr const char* kNow = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
constexpr int64_t kOverlap = 10'000'000;  // microseconds that a change may take until it is seen

class PostgresAgents : public AgentStore {
public:
    explicit PostgresAgents(PostgresPool& pool) : pool_(pool) {}

    bool shared() const override { return true; }
    std::vector<AgentRow> load() override { return since(INT64_MIN); }
    std::vector<AgentRow> changed_by_others() override { return since(seen_); }

    // Nothing is forgotten here: PostgresStore::tidy() does, for all.
    void save(const std::vector<AgentRow>& rows) override {
        std::map<std::string, const AgentRow*> latest;  // ids that differ may be stored as one, and a statement changes a row once
        for (const AgentRow& row : rows) {
            if (row.about.empty()) continue;
            const AgentRow*& known = latest[storable(row.id)];
            if (!known || known->last_seen_ns <= row.last_seen_ns) known = &row;
        }
        if (latest.empty()) return;
        std::vector<std::string> ids, abouts;
        std::vector<int64_t> times;
        for (const auto& [id, row] : latest) ids.push_back(id), abouts.push_back(storable(row->about)), times.push_back(row->last_seen_ns);
        pool_.soon([&](Postgres& db) {
            db.run(std::string("INSERT INTO agents AS a(id, about, seen, changed) SELECT i, b, s, ") + kNow +
                       " FROM unnest($1, $2, $3) AS t(i, b, s) ORDER BY 1 ON CONFLICT(id) DO UPDATE"
                       " SET about = excluded.about, seen = excluded.seen, changed = excluded.changed WHERE a.seen <= excluded.seen",
                   Params().add(ids).add(abouts).add(times));
        });
    }

private:
    std::vector<AgentRow> since(int64_t changed) {
        std::vector<AgentRow> out;
        pool_.soon([&](Postgres& db) {
            const int64_t now = db.run(std::string("SELECT ") + kNow).number(0, 0);
            const Rows rows = db.run("SELECT id, about, seen, alerts, missing FROM agents WHERE changed > $1 AND about <> ''", Params().add(changed));
            for (int i = 0; i < rows.size(); ++i)
                out.push_back({rows.text(i, 0), rows.text(i, 1), rows.number(i, 2), AgentRow::Totals{static_cast<uint64_t>(rows.number(i, 3)), rows.number(i, 4)}});
            seen_ = now - kOverlap;
        });
        return out;
    }

    PostgresPool& pool_;
    int64_t seen_ = INT64_MIN;
};

}  // namespace

std::unique_ptr<AgentStore> open_postgres_agents(PostgresPool& pool) { return std::make_unique<PostgresAgents>(pool); }

}  // namespace undercoat::collector
