// Rulesets in rules.db, see ruleset_store.h.
#include "collector/policy/ruleset_store.h"

#include "collector/record.h"
#include "collector/store/sqlite.h"

#include <mutex>

namespace undercoat::collector {
namespace {

constexpr const char* kColumns = "SELECT name, number, scope, position, created, author, files FROM versions ";

Ruleset read(const Statement& row) {
    Ruleset r;
    r.name = row.text(0), r.number = static_cast<uint64_t>(row.number(1)), r.scope = row.text(2);
    r.position = row.number(3), r.created_ns = row.number(4), r.author = row.text(5);
    read_files(row.text(6), r);
    return r;
}

class SqliteRulesets : public RulesetStore {
public:
    explicit SqliteRulesets(const std::string& directory) : db_(directory + "/rules.db", Database::Use::write) {
        db_.run("CREATE TABLE IF NOT EXISTS versions(name TEXT NOT NULL, number INTEGER NOT NULL, scope TEXT NOT NULL, position INTEGER NOT NULL,"
                " created INTEGER NOT NULL, author TEXT NOT NULL, removed INTEGER NOT NULL, files TEXT NOT NULL, PRIMARY KEY(name, number))");
    }

    std::vector<Ruleset> current() override {
        std::lock_guard lock(mutex_);
        std::vector<Ruleset> out;
        Statement rows(db_, std::string(kColumns) + "v WHERE removed = 0 AND number = (SELECT max(number) FROM versions WHERE name = v.name)"
                                                    " ORDER BY position, name");
        while (rows.step()) out.push_back(read(rows));
        return out;
    }

    std::vector<uint64_t> numbers(const std::string& name) override {
        std::lock_guard lock(mutex_);
        std::vector<uint64_t> out;
        Statement rows(db_, "SELECT number FROM versions WHERE name = ? AND removed = 0 ORDER BY number DESC");
        rows.bind(1, name);
        while (rows.step()) out.push_back(static_cast<uint64_t>(rows.number(0)));
        return out;
    }

protected:
    std::optional<Ruleset> version(const std::string& name, uint64_t number) override {
        std::lock_guard lock(mutex_);
        Statement row(db_, std::string(kColumns) + "WHERE name = ? AND number = ? AND removed = 0");
        row.bind(1, name).bind(2, static_cast<int64_t>(number));
        return row.step() ? std::optional(read(row)) : std::nullopt;
    }

    uint64_t insert(const Ruleset& r, bool removed) override {
        std::lock_guard lock(mutex_);
        const std::string files = removed ? "[]" : files_text(r);
        Transaction t(db_);
        Statement put(db_, "INSERT INTO versions(name, number, scope, position, created, author, removed, files) VALUES(?,"
                           " coalesce((SELECT max(number) FROM versions WHERE name = ?), 0) + 1, ?,?,?,?,?,?) RETURNING number");
        put.bind(1, r.name).bind(2, r.name).bind(3, r.scope).bind(4, r.position).bind(5, now_ns()).bind(6, r.author);
        put.bind(7, int64_t{removed}).bind(8, files);
        put.step();
        const int64_t number = put.number(0);
        put.run();
        Statement old(db_, "DELETE FROM versions WHERE name = ? AND number <= ?");
        old.bind(1, r.name).bind(2, number - static_cast<int64_t>(kVersions));
        old.run();
        t.commit();
        return static_cast<uint64_t>(number);
    }

private:
    std::mutex mutex_;
    Database db_;
};

}  // namespace

Result<std::unique_ptr<RulesetStore>> RulesetStore::open(const std::string& directory) try {
    return std::unique_ptr<RulesetStore>(std::make_unique<SqliteRulesets>(directory));
} catch (const SqliteError& e) {
    return Error{std::string("The rulesets cannot be opened: ") + e.what() + "."};
}

}  // namespace undercoat::collector
