// Accounts in accounts.db, see account_store.h.
#include "collector/auth/account_store.h"

#include "collector/record.h"
#include "collector/store/sqlite.h"

#include <sqlite3.h>
#include <mutex>

namespace undercoat::collector {
namespace {

constexpr const char* kSchema = R"(
CREATE TABLE IF NOT EXISTS keys(
  name TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, role TEXT NOT NULL, hint TEXT NOT NULL, created INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS users(name TEXT PRIMARY KEY, password TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sessions(
  hash TEXT PRIMARY KEY, user TEXT NOT NULL, csrf TEXT NOT NULL, expires INTEGER NOT NULL);
)";

class SqliteAccounts : public AccountStore {
public:
    explicit SqliteAccounts(const std::string& directory)
        : db_(directory + "/accounts.db", Database::Use::write),
          reader_((db_.run(kSchema), directory + "/accounts.db"), Database::Use::read),
          version_(reader_, "PRAGMA data_version") {
        Statement old(db_, "DELETE FROM sessions WHERE expires < ?");
        old.bind(1, now_ns());
        old.run();
        reader_.run("SELECT 1 FROM keys");  // throws if it is locked for long
        reader_.wait_for_locks(0);
    }

    std::optional<KnownAccounts> news() override {
        std::lock_guard lock(reader_mutex_);
        try {
            const int64_t version = version_.step() ? version_.number(0) : -1;
            version_.reset();
            if (version == read_version_) return std::nullopt;
            KnownAccounts known;
            Statement k(reader_, "SELECT hash, name, role, hint, created FROM keys");
            while (k.step()) known.keys[k.text(0)] = {k.text(1), k.text(2), k.text(3), k.number(4)};
            Statement s(reader_, "SELECT hash, user, csrf, expires FROM sessions");
            while (s.step()) known.sessions[s.text(0)] = {s.text(1), s.text(2), s.number(3)};
            read_version_ = version;
            return known;
        } catch (const SqliteError&) {
            version_.reset();  // locked for this moment: what is known holds until somebody asks again
            return std::nullopt;
        }
    }

    bool has_users() override {
        std::lock_guard lock(mutex_);
        return users();
    }

    std::vector<KeyInfo> keys() override {
        std::lock_guard lock(mutex_);
        std::vector<KeyInfo> out;
        Statement s(db_, "SELECT name, role, hint, created FROM keys ORDER BY name");
        while (s.step()) out.push_back({s.text(0), s.text(1), s.text(2), s.number(3)});
        return out;
    }

    std::optional<std::string> password(const std::string& user) override {
        std::lock_guard lock(mutex_);
        Statement s(db_, "SELECT password FROM users WHERE name = ?");
        s.bind(1, user);
        return s.step() ? std::optional(s.text(0)) : std::nullopt;
    }

    bool add_key(const KeyInfo& key, const std::string& hash) override {
        std::lock_guard lock(mutex_);
        try {
            put_key(key, hash);
            return true;
        } catch (const SqliteError& e) {
            if (e.code == SQLITE_CONSTRAINT) return false;
            throw;
        }
    }

    bool remove_key(const std::string& name) override {
        std::lock_guard lock(mutex_);
        Statement s(db_, "DELETE FROM keys WHERE name = ?");
        s.bind(1, name);
        s.run();
        return db_.changes() > 0;
    }

    void set_password(const std::string& user, const std::string& hash) override {
        std::lock_guard lock(mutex_);
        Transaction transaction(db_);
        put_password(user, hash);
        transaction.commit();
    }

    bool add_first(KeyInfo key, const std::string& key_hash, const std::string& user, const std::string& hash) override {
        std::lock_guard lock(mutex_);
        Transaction transaction(db_);
        if (users()) return false;
        Statement taken(db_, "SELECT 1 FROM keys WHERE name = ?");
        const std::string name = key.name;
        for (int n = 2; taken.bind(1, key.name).step(); ++n) {
            taken.reset();
            key.name = name + "-" + std::to_string(n);
        }
        taken.reset();
        put_key(key, key_hash);
        put_password(user, hash);
        transaction.commit();
        return true;
    }

    void add_session(const std::string& hash, const Session& session) override {
        std::lock_guard lock(mutex_);
        Statement s(db_, "INSERT INTO sessions(hash, user, csrf, expires) VALUES(?,?,?,?)");
        s.bind(1, hash).bind(2, session.user).bind(3, session.csrf).bind(4, session.expires_ns);
        s.run();
    }

    void remove_session(const std::string& hash) override {
        std::lock_guard lock(mutex_);
        Statement s(db_, "DELETE FROM sessions WHERE hash = ?");
        s.bind(1, hash);
        s.run();
    }

private:
    // With mutex_ held.
    bool users() {
        Statement s(db_, "SELECT 1 FROM users LIMIT 1");
        return s.step();
    }
    void put_key(const KeyInfo& key, const std::string& hash) {
        Statement s(db_, "INSERT INTO keys(name, hash, role, hint, created) VALUES(?,?,?,?,?)");
        s.bind(1, key.name).bind(2, hash).bind(3, key.role).bind(4, key.hint).bind(5, key.created_ns);
        s.run();
    }
    void put_password(const std::string& user, const std::string& hash) {
        Statement s(db_, "INSERT INTO users(name, password) VALUES(?,?) ON CONFLICT DO UPDATE SET password = excluded.password");
        s.bind(1, user).bind(2, hash);
        s.run();
        Statement out(db_, "DELETE FROM sessions WHERE user = ?");
        out.bind(1, user);
        out.run();
    }

    std::mutex mutex_;  // of db_, which writes and may wait for other processes
    Database db_;
    std::mutex reader_mutex_;  // of what follows, which never waits
    Database reader_;
    Statement version_;
    int64_t read_version_ = -1;
};

}  // namespace

Result<std::unique_ptr<AccountStore>> open_sqlite_accounts(const std::string& directory) try {
    return std::unique_ptr<AccountStore>(std::make_unique<SqliteAccounts>(directory));
} catch (const SqliteError& e) {
    return Error{std::string("The accounts cannot be opened: ") + e.what() + "."};
}

}  // namespace undercoat::collector
