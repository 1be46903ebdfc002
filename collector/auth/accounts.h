// Who may do what: access keys of agents and tools, users with passwords, sessions of browsers. Kept in accounts.db.
//
// Must stay true: secrets are stored as hashes only and shown once; there is no default password; a session is bound to a
// token against forged requests; whoever guesses passwords is slowed down by address; nobody who shows a key or a session waits
// for the disk, or for whoever writes. Thread-safe. Other processes may change keys and users while the collector runs.
#pragma once

#include "base/result.h"
#include "collector/store/sqlite.h"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace undercoat::collector {

struct KeyInfo {
    std::string name, role, hint;  // role: "agent", "relay", "api" or "admin"; hint: the first characters
    int64_t created_ns = 0;
};

// What a first start tells a person, once.
struct FirstSecrets {
    std::string key, password;
};

struct Session {
    std::string user, csrf;
    int64_t expires_ns = 0;
};

class Accounts {
public:
    static Result<std::unique_ptr<Accounts>> open(const std::string& directory);

    bool has_users();
    // A key for agents and the user admin with a password, both or neither. Nothing: there is a user.
    Result<std::optional<FirstSecrets>> first_start();
    // The new key, which is shown now or never. Error: the name is taken or the role unknown.
    Result<std::string> add_key(const std::string& name, const std::string& role);
    // False: there is none of that name.
    bool remove_key(const std::string& name);
    std::vector<KeyInfo> keys();
    // The name of the key; nullopt: it is none, or not one of that role.
    std::optional<std::string> check_key(std::string_view key, std::string_view role);
    // Any key's name, role and `id`, by which key_holds() asks for it again; nullopt: it is none.
    struct Holder {
        std::string name, role, id;
    };
    std::optional<Holder> find_key(std::string_view key);
    bool key_holds(const std::string& id);  // false: it was taken back
    void set_password(const std::string& user, std::string_view password);

    // The session's token. nullopt: user and password do not fit. Takes some 50 ms.
    std::optional<std::string> login(const std::string& user, std::string_view password);
    std::optional<Session> session(std::string_view token);
    void logout(std::string_view token);
    // False: this address has failed too often just now.
    bool may_try(const std::string& address);
    void note_failure(const std::string& address);

private:
    explicit Accounts(const std::string& directory);
    std::string insert_key(const std::string& name, const std::string& role);  // with mutex_ held
    void put_password(const std::string& user, const std::string& hash);       // the same
    void refresh();                                                            // with known_mutex_ held
    std::mutex mutex_;  // of db_, which writes and may wait for other processes
    Database db_;
    // What the database says, by hash; read again when somebody has changed it.
    std::mutex known_mutex_;
    Database reader_;
    Statement version_;
    int64_t read_version_ = -1;
    std::map<std::string, KeyInfo> keys_;
    std::map<std::string, Session> sessions_;
    struct Failures {
        double count = 0;
        int64_t at_ns = 0;
    };
    std::mutex failures_mutex_;
    std::map<std::string, Failures> failures_;
};

}  // namespace undercoat::collector
