// Rulesets in PostgreSQL, which several collectors share; each is told of changes. See ruleset_store.h.
#include "collector/record.h"
#include "collector/store/postgres_backend.h"
#include "collector/store/postgres_schema.h"

namespace undercoat::collector {
namespace {

constexpr int64_t kRulesLock = 0x756e6465'00000004;  // advisory
constexpr const char* kColumns = "SELECT name, number, scope, position, created, author, files FROM rulesets ";

Ruleset read(const Rows& rows, int i) {
    Ruleset r;
    r.name = rows.text(i, 0), r.number = static_cast<uint64_t>(rows.number(i, 1)), r.scope = rows.text(i, 2);
    r.position = rows.number(i, 3), r.created_ns = rows.number(i, 4), r.author = rows.text(i, 5);
    read_files(rows.text(i, 6), r);
    return r;
}

class PostgresRulesets : public RulesetStore {
public:
    explicit PostgresRulesets(PostgresPool& pool) : pool_(pool) {}

    std::vector<Ruleset> current() override {
        std::vector<Ruleset> out;
        pool_.soon([&](Postgres& db) {
            // "C": the same order as elsewhere, whatever the database's language.
            const Rows rows = db.run(std::string(kColumns) + "v WHERE removed = 0 AND number = (SELECT max(number) FROM rulesets WHERE name = v.name)"
                                                             " ORDER BY position, name COLLATE \"C\"");
            for (int i = 0; i < rows.size(); ++i) out.push_back(read(rows, i));
        });
        return out;
    }

    std::vector<uint64_t> numbers(const std::string& name) override {
        std::vector<uint64_t> out;
        pool_.soon([&](Postgres& db) {
            const Rows rows = db.run("SELECT number FROM rulesets WHERE name = $1 AND removed = 0 ORDER BY number DESC", Params().add(storable(name)));
            for (int i = 0; i < rows.size(); ++i) out.push_back(static_cast<uint64_t>(rows.number(i, 0)));
        });
        return out;
    }

protected:
    std::optional<Ruleset> version(const std::string& name, uint64_t number) override {
        return pool_.soon([&](Postgres& db) {
            const Rows rows = db.run(std::string(kColumns) + "WHERE name = $1 AND number = $2 AND removed = 0",
                                     Params().add(storable(name)).add(static_cast<int64_t>(number)));
            return rows.size() ? std::optional(read(rows, 0)) : std::nullopt;
        });
    }

    uint64_t insert(const Ruleset& r, bool removed) override {
        return pool_.soon([&](Postgres& db) {
            PostgresTransaction t(db);
            db.run("SELECT pg_advisory_xact_lock($1)", Params().add(kRulesLock));
            const Rows put = db.run("INSERT INTO rulesets(name, number, scope, position, created, author, removed, files) VALUES($1,"
                                    " coalesce((SELECT max(number) FROM rulesets WHERE name = $1), 0) + 1, $2, $3, $4, $5, $6, $7) RETURNING number",
                                    Params().add(storable(r.name)).add(storable(r.scope)).add(r.position).add(now_ns()).add(storable(r.author))
                                        .add(int64_t{removed}).add(removed ? "[]" : files_text(r)));
            const int64_t number = put.number(0, 0);
            db.run("DELETE FROM rulesets WHERE name = $1 AND number <= $2", Params().add(storable(r.name)).add(number - static_cast<int64_t>(kVersions)));
            db.run("SELECT pg_notify($1, 'rules')", Params().add(std::string_view(kChannel)));
            t.commit();
            return static_cast<uint64_t>(number);
        });
    }

private:
    PostgresPool& pool_;
};

}  // namespace

std::unique_ptr<RulesetStore> open_postgres_rulesets(PostgresPool& pool) { return std::make_unique<PostgresRulesets>(pool); }

}  // namespace undercoat::collector
