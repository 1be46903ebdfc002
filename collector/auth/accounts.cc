// See accounts.h.
#include "collector/auth/accounts.h"

#include "collector/auth/secrets.h"
#include "collector/record.h"

#include <cmath>

namespace undercoat::collector {
namespace {

constexpr int64_t kSessionLength = int64_t{12} * 3600 * 1'000'000'000;
constexpr size_t kMaxAddresses = 10'000;
constexpr double kTries = 10;  // at once; then one in six seconds
constexpr double kForgiveness = 1.0 / 6e9;

}  // namespace

Accounts::Accounts(std::unique_ptr<AccountStore> store) : store_(std::move(store)) {
    std::lock_guard lock(known_mutex_);
    refresh();
}

Result<std::unique_ptr<Accounts>> Accounts::open(const std::string& directory) {
    auto store = open_sqlite_accounts(directory);
    if (!store) return Error{store.error()};
    return std::make_unique<Accounts>(std::move(*store));
}

void Accounts::refresh() {
    if (auto news = store_->news()) known_ = std::move(*news);
}

bool Accounts::has_users() { return store_->has_users(); }

Result<std::string> Accounts::add_key(const std::string& name, const std::string& role) try {
    if (role != "agent" && role != "relay" && role != "api" && role != "admin")
        return Error{"The role is '" + role + "'; allowed are agent, relay, api and admin."};
    const std::string key = "uck_" + random_text(32);
    if (store_->add_key({name, role, key.substr(0, 8), now_ns()}, sha256_hex(key))) return key;
    return Error{"There is a key named '" + name + "' already."};
} catch (const std::exception& e) {
    return Error{std::string(e.what()) + "."};
}

Result<std::optional<FirstSecrets>> Accounts::first_start() try {
    if (has_users()) return std::optional<FirstSecrets>();
    FirstSecrets out{"uck_" + random_text(32), random_text(20)};
    const KeyInfo key{"first", "agent", out.key.substr(0, 8), now_ns()};
    if (!store_->add_first(key, sha256_hex(out.key), "admin", hash_password(out.password))) return std::optional<FirstSecrets>();
    return std::optional(std::move(out));
} catch (const std::exception& e) {
    return Error{std::string("The first accounts cannot be made: ") + e.what() + "."};
}

bool Accounts::remove_key(const std::string& name) { return store_->remove_key(name); }

std::vector<KeyInfo> Accounts::keys() { return store_->keys(); }

std::optional<Accounts::Holder> Accounts::find_key(std::string_view key) {
    if (!key.starts_with("uck_") || key.size() > 100) return std::nullopt;
    std::string hash = sha256_hex(key);
    std::lock_guard lock(known_mutex_);
    refresh();
    const auto it = known_.keys.find(hash);
    if (it == known_.keys.end()) return std::nullopt;
    return Holder{it->second.name, it->second.role, std::move(hash)};
}

std::optional<std::string> Accounts::check_key(std::string_view key, std::string_view role) {
    const auto holder = find_key(key);
    return holder && holder->role == role ? std::optional(holder->name) : std::nullopt;
}

bool Accounts::key_holds(const std::string& id) {
    std::lock_guard lock(known_mutex_);
    refresh();
    return known_.keys.contains(id);
}

void Accounts::set_password(const std::string& user, std::string_view password) {
    store_->set_password(user, hash_password(password));
}

std::optional<std::string> Accounts::login(const std::string& user, std::string_view password) {
    const std::string stored = store_->password(user).value_or("");
    // The same work for a user that does not exist: the time must not tell.
    static const std::string nobody = hash_password(random_text(20));
    const bool fits = password_fits(password.substr(0, 1024), stored.empty() ? nobody : stored);
    if (!fits || stored.empty()) return std::nullopt;
    const std::string token = random_text(32);
    store_->add_session(sha256_hex(token), {user, random_text(32), now_ns() + kSessionLength});
    return token;
}

std::optional<Session> Accounts::session(std::string_view token) {
    if (token.empty() || token.size() > 100) return std::nullopt;
    const std::string hash = sha256_hex(token);
    std::lock_guard lock(known_mutex_);
    refresh();
    const auto it = known_.sessions.find(hash);
    return it == known_.sessions.end() || it->second.expires_ns <= now_ns() ? std::nullopt : std::optional(it->second);
}

void Accounts::logout(std::string_view token) { store_->remove_session(sha256_hex(token)); }

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
