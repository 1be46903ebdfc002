// See postgres_accounts.h.
#include "collector/auth/postgres_accounts.h"

#include "collector/store/postgres_schema.h"

namespace undercoat::collector {
namespace {

constexpr int64_t kFirstLock = 0x756e6465'00000003;  // advisory
constexpr std::string_view kPutKey = "INSERT INTO keys(name, hash, role, hint, created) VALUES($1, $2, $3, $4, $5) ON CONFLICT(name) DO NOTHING";

class PostgresAccounts : public AccountStore {
public:
    PostgresAccounts(PostgresPool& pool, std::shared_ptr<AccountNews> news) : pool_(pool), news_(std::move(news)) {}

    std::optional<KnownAccounts> news() override { return news_->take(); }

    bool has_users() override {
        return pool_.soon([](Postgres& db) { return db.run("SELECT 1 FROM users LIMIT 1").size() > 0; });
    }

    std::vector<KeyInfo> keys() override {
        std::vector<KeyInfo> out;
        pool_.soon([&](Postgres& db) {
            const Rows r = db.run("SELECT name, role, hint, created FROM keys ORDER BY name");
            for (int i = 0; i < r.size(); ++i) out.push_back({r.text(i, 0), r.text(i, 1), r.text(i, 2), r.number(i, 3)});
        });
        return out;
    }

    std::optional<std::string> password(const std::string& user) override {
        return pool_.soon([&](Postgres& db) {
            const Rows r = db.run("SELECT password FROM users WHERE name = $1", Params().add(storable(user)));
            return r.size() ? std::optional(r.text(0, 0)) : std::nullopt;
        });
    }

    bool add_key(const KeyInfo& key, const std::string& hash) override {
        return change([&](Postgres& db) { return db.run(std::string(kPutKey), row(key, hash)).changed() > 0; });
    }

    bool remove_key(const std::string& name) override {
        return change([&](Postgres& db) { return db.run("DELETE FROM keys WHERE name = $1", Params().add(storable(name))).changed() > 0; });
    }

    void set_password(const std::string& user, const std::string& hash) override {
        change([&](Postgres& db) {
            put_password(db, user, hash);
            return true;
        });
    }

    bool add_first(KeyInfo key, const std::string& key_hash, const std::string& user, const std::string& hash) override {
        return change([&](Postgres& db) {
            db.run("SELECT pg_advisory_xact_lock($1)", Params().add(kFirstLock));
            if (db.run("SELECT 1 FROM users LIMIT 1").size() > 0) return false;
            const std::string name = key.name;
            for (int n = 2; db.run(std::string(kPutKey), row(key, key_hash)).changed() == 0; ++n) key.name = name + "-" + std::to_string(n);
            put_password(db, user, hash);
            return true;
        });
    }

    void add_session(const std::string& hash, const Session& s) override {
        change([&](Postgres& db) {
            db.run("INSERT INTO sessions(hash, owner, csrf, expires) VALUES($1, $2, $3, $4)",
                   Params().add(hash).add(storable(s.user)).add(s.csrf).add(s.expires_ns));
            return true;
        });
    }

    void remove_session(const std::string& hash) override {
        change([&](Postgres& db) { return db.run("DELETE FROM sessions WHERE hash = $1", Params().add(hash)).changed() > 0; });
    }

private:
    static Params row(const KeyInfo& key, const std::string& hash) {
        return Params().add(storable(key.name)).add(hash).add(key.role).add(key.hint).add(key.created_ns);
    }

    static void put_password(Postgres& db, const std::string& user, const std::string& hash) {
        db.run("INSERT INTO users(name, password) VALUES($1, $2) ON CONFLICT(name) DO UPDATE SET password = excluded.password",
               Params().add(storable(user)).add(hash));
        db.run("DELETE FROM sessions WHERE owner = $1", Params().add(storable(user)));
    }

    // A transaction that everybody is told of where it returns true.
    template <class Use>
    bool change(Use use) {
        const bool changed = pool_.soon([&](Postgres& db) {
            PostgresTransaction t(db);
            const bool did = use(db);
            if (did) db.run("SELECT pg_notify($1, 'accounts')", Params().add(std::string_view(kChannel)));
            t.commit();
            return did;
        });
        try {
            if (changed) news_->reload();
        } catch (const PostgresError&) {
            // It is done: the notice, or the next connection of who listens, brings it.
        }
        return changed;
    }

    PostgresPool& pool_;
    const std::shared_ptr<AccountNews> news_;
};

}  // namespace

void AccountNews::reload() {
    std::lock_guard load(load_mutex_);
    KnownAccounts known;
    pool_.soon([&](Postgres& db) {
        const Rows k = db.run("SELECT hash, name, role, hint, created FROM keys");
        for (int i = 0; i < k.size(); ++i) known.keys[k.text(i, 0)] = {k.text(i, 1), k.text(i, 2), k.text(i, 3), k.number(i, 4)};
        const Rows s = db.run("SELECT hash, owner, csrf, expires FROM sessions");
        for (int i = 0; i < s.size(); ++i) known.sessions[s.text(i, 0)] = {s.text(i, 1), s.text(i, 2), s.number(i, 3)};
    });
    std::lock_guard lock(mutex_);
    known_ = std::move(known);
}

std::optional<KnownAccounts> AccountNews::take() {
    std::lock_guard lock(mutex_);
    return std::exchange(known_, std::nullopt);
}

std::unique_ptr<AccountStore> open_postgres_accounts(PostgresPool& pool, std::shared_ptr<AccountNews> news) {
    news->reload();
    return std::make_unique<PostgresAccounts>(pool, std::move(news));
}

}  // namespace undercoat::collector
