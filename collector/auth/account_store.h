// Where keys, users and sessions are kept: what accounts.h needs of a database.
//
// Must stay true: hashes come in here, never secrets. Thread-safe. A failure is thrown; news() neither waits nor throws.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace undercoat::collector {

struct KeyInfo {
    std::string name, role, hint;  // role: "agent", "relay", "api" or "admin"; hint: the first characters
    int64_t created_ns = 0;
};

struct Session {
    std::string user, csrf;
    int64_t expires_ns = 0;
};

struct KnownAccounts {  // by hash
    std::map<std::string, KeyInfo> keys;
    std::map<std::string, Session> sessions;
};

class AccountStore {
public:
    virtual ~AccountStore() = default;

    // All of it if it has changed since the last call, by this process or another.
    virtual std::optional<KnownAccounts> news() = 0;
    virtual bool has_users() = 0;
    virtual std::vector<KeyInfo> keys() = 0;  // by name
    virtual std::optional<std::string> password(const std::string& user) = 0;
    // False: there is a key of that name.
    virtual bool add_key(const KeyInfo& key, const std::string& hash) = 0;
    virtual bool remove_key(const std::string& name) = 0;
    // A user's hash, made or changed; its sessions end.
    virtual void set_password(const std::string& user, const std::string& hash) = 0;
    // The key, under another name if there is one of it, and the user, both or neither. False: there is a user already.
    virtual bool add_first(KeyInfo key, const std::string& key_hash, const std::string& user, const std::string& hash) = 0;
    virtual void add_session(const std::string& hash, const Session& session) = 0;
    virtual void remove_session(const std::string& hash) = 0;
};

// accounts.db in a directory; other processes may change it at the same time.
Result<std::unique_ptr<AccountStore>> open_sqlite_accounts(const std::string& directory);

}  // namespace undercoat::collector
