// See accounts.h.
#include "collector/auth/accounts.h"

#include "collector/auth/secrets.h"
#include "collector/record.h"

#include <sqlite3.h>
#include <cmath>

namespace undercoat::collector {
namespace {

constexpr int64_t kSessionLength = int64_t{12} * 3600 * 1'000'000'000;
constexpr size_t kMaxAddresses = 10'000;
constexpr double kTries = 10;  // at once; then one in six seconds
constexpr double kForgiveness = 1.0 / 6e9;

constexpr const char* kSchema = R"(
CREATE TABLE IF NOT EXISTS keys(
  name TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, role TEXT NOT NULL, hint TEXT NOT NULL, created INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS users(name TEXT PRIMARY KEY, password TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sessions(
  hash TEXT PRIMARY KEY, user TEXT NOT NULL, csrf TEXT NOT NULL, expires INTEGER NOT NULL);
)";

}  // namespace

Accounts::Accounts(const std::string& directory)
    : db_(directory + "/accounts.db", Database::Use::write),
      reader_((db_.run(kSchema), directory + "/accounts.db"), Database::Use::read),
      version_(reader_, "PRAGMA data_version") {
    Statement old(db_, "DELETE FROM sessions WHERE expires < ?");
    old.bind(1, now_ns());
    old.run();
    refresh();
    if (read_version_ < 0) throw SqliteError("accounts.db is locked", SQLITE_BUSY);
    reader_.wait_for_locks(0);
}

void Accounts::refresh() try {
    const int64_t version = version_.step() ? version_.number(0) : -1;
    version_.reset();
    if (version == read_version_) return;
    std::map<std::string, KeyInfo> keys;
    std::map<std::string, Session> sessions;
    Statement k(reader_, "SELECT hash, name, role, hint, created FROM keys");
    while (k.step()) keys[k.text(0)] = {k.text(1), k.text(2), k.text(3), k.number(4)};
    Statement s(reader_, "SELECT hash, user, csrf, expires FROM sessions");
    while (s.step()) sessions[s.text(0)] = {s.text(1), s.text(2), s.number(3)};
    keys_ = std::move(keys), sessions_ = std::move(sessions);
    read_version_ = version;
} catch (const SqliteError&) {
    version_.reset();  // locked for this moment: what is known holds until somebody asks again
}

Result<std::unique_ptr<Accounts>> Accounts::open(const std::string& directory) {
    try {
        return std::unique_ptr<Accounts>(new Accounts(directory));
    } catch (const SqliteError& e) {
        return Error{std::string("The accounts cannot be opened: ") + e.what() + "."};
    }
}

bool Accounts::has_users() {
    std::lock_guard lock(mutex_);
    Statement s(db_, "SELECT 1 FROM users LIMIT 1");
    return s.step();
}

std::string Accounts::insert_key(const std::string& name, const std::string& role) {
    const std::string key = "uck_" + random_text(32), hash = sha256_hex(key), hint = key.substr(0, 8);
    Statement s(db_, "INSERT INTO keys(name, hash, role, hint, created) VALUES(?,?,?,?,?)");
    s.bind(1, name).bind(2, hash).bind(3, role).bind(4, hint).bind(5, now_ns());
    s.run();
    return key;
}

Result<std::string> Accounts::add_key(const std::string& name, const std::string& role) {
    if (role != "agent" && role != "relay" && role != "api" && role != "admin")
        return Error{"The role is '" + role + "'; allowed are agent, relay, api and admin."};
    std::lock_guard lock(mutex_);
    try {
        return insert_key(name, role);
    } catch (const SqliteError& e) {
        return Error{e.code == SQLITE_CONSTRAINT ? "There is a key named '" + name + "' already."
                                                 : std::string(e.what()) + "."};
    }
}

Result<std::optional<FirstSecrets>> Accounts::first_start() {
    if (has_users()) return std::optional<FirstSecrets>();
    FirstSecrets out;
    out.password = random_text(20);
    const std::string hash = hash_password(out.password);
    std::lock_guard lock(mutex_);
    try {
        Transaction transaction(db_);
        Statement taken(db_, "SELECT 1 FROM keys WHERE name = ?");
        std::string name = "first";
        for (int n = 2; taken.bind(1, name).step(); ++n) {
            taken.reset();
            name = "first-" + std::to_string(n);
        }
        out.key = insert_key(name, "agent");
        put_password("admin", hash);
        transaction.commit();
    } catch (const SqliteError& e) {
        return Error{std::string("The first accounts cannot be made: ") + e.what() + "."};
    }
    return std::optional(std::move(out));
}

bool Accounts::remove_key(const std::string& name) {
    std::lock_guard lock(mutex_);
    Statement s(db_, "DELETE FROM keys WHERE name = ?");
    s.bind(1, name);
    s.run();
    return db_.changes() > 0;
}

std::vector<KeyInfo> Accounts::keys() {
    std::lock_guard lock(mutex_);
    std::vector<KeyInfo> out;
    Statement s(db_, "SELECT name, role, hint, created FROM keys ORDER BY name");
    while (s.step()) out.push_back({s.text(0), s.text(1), s.text(2), s.number(3)});
    return out;
}

std::optional<Accounts::Holder> Accounts::find_key(std::string_view key) {
    if (!key.starts_with("uck_") || key.size() > 100) return std::nullopt;
    std::string hash = sha256_hex(key);
    std::lock_guard lock(known_mutex_);
    refresh();
    const auto it = keys_.find(hash);
    if (it == keys_.end()) return std::nullopt;
    return Holder{it->second.name, it->second.role, std::move(hash)};
}

std::optional<std::string> Accounts::check_key(std::string_view key, std::string_view role) {
    const auto holder = find_key(key);
    return holder && holder->role == role ? std::optional(holder->name) : std::nullopt;
}

bool Accounts::key_holds(const std::string& id) {
    std::lock_guard lock(known_mutex_);
    refresh();
    return keys_.contains(id);
}

void Accounts::put_password(const std::string& user, const std::string& hash) {
    Statement s(db_,
                "INSERT INTO users(name, password) VALUES(?,?) ON CONFLICT DO UPDATE SET password = excluded.password");
    s.bind(1, user).bind(2, hash);
    s.run();
    Statement out(db_, "DELETE FROM sessions WHERE user = ?");
    out.bind(1, user);
    out.run();
}

void Accounts::set_password(const std::string& user, std::string_view password) {
    const std::string hash = hash_password(password);
    std::lock_guard lock(mutex_);
    Transaction transaction(db_);
    put_password(user, hash);
    transaction.commit();
}

std::optional<std::string> Accounts::login(const std::string& user, std::string_view password) {
    std::string stored;
    {
        std::lock_guard lock(mutex_);
        Statement s(db_, "SELECT password FROM users WHERE name = ?");
        s.bind(1, user);
        if (s.step()) stored = s.text(0);
    }
    // The same work for a user that does not exist: the time must not tell.
    static const std::string nobody = hash_password(random_text(20));
    const bool fits = password_fits(password.substr(0, 1024), stored.empty() ? nobody : stored);
    if (!fits || stored.empty()) return std::nullopt;
    const std::string token = random_text(32), hash = sha256_hex(token);
    const Session session{user, random_text(32), now_ns() + kSessionLength};
    std::lock_guard lock(mutex_);
    Statement s(db_, "INSERT INTO sessions(hash, user, csrf, expires) VALUES(?,?,?,?)");
    s.bind(1, hash).bind(2, session.user).bind(3, session.csrf).bind(4, session.expires_ns);
    s.run();
    return token;
}

std::optional<Session> Accounts::session(std::string_view token) {
    if (token.empty() || token.size() > 100) return std::nullopt;
    const std::string hash = sha256_hex(token);
    std::lock_guard lock(known_mutex_);
    refresh();
    const auto it = sessions_.find(hash);
    return it == sessions_.end() || it->second.expires_ns <= now_ns() ? std::nullopt : std::optional(it->second);
}

void Accounts::logout(std::string_view token) {
    const std::string hash = sha256_hex(token);
    std::lock_guard lock(mutex_);
    Statement s(db_, "DELETE FROM sessions WHERE hash = ?");
    s.bind(1, hash);
    s.run();
}

bool Accounts::may_try(const std::string& address) {
    std::lock_guard lock(failures_mutex_);
    const auto it = failures_.find(address);
    if (it == failures_.end()) return true;
    const double left = it->second.count - static_cast<double>(now_ns() - it->second.at_ns) * kForgiveness;
    return left < kTries;
}

void Accounts::note_failure(const std::string& address) {
    std::lock_guard lock(failures_mutex_);
    if (failures_.size() >= kMaxAddresses) failures_.clear();
    Failures& f = failures_[address];
    const int64_t now = now_ns();
    f.count = std::max(0.0, f.count - static_cast<double>(now - f.at_ns) * kForgiveness) + 1;
    f.at_ns = now;
}

}  // namespace undercoat::collector
