// Who may do what: access keys of agents and tools, users with passwords, sessions of browsers. Kept where account_store.h says.
//
// Must stay true: secrets are stored as hashes only and shown once; there is no default password; a session is bound to a
// token against forged requests; whoever guesses passwords is slowed down by address; nobody who shows a key or a session waits
// for the disk, or for whoever writes. Thread-safe. Other processes may change keys and users while the collector runs.
#pragma once

#include "base/result.h"
#include "collector/auth/account_store.h"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace undercoat::collector {

// What a first start tells a person, once.
struct FirstSecrets {
    std::string key, password;
};

class Accounts {
public:
    explicit Accounts(std::unique_ptr<AccountStore> store);
    // Those of a directory.
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
    void refresh();  // with known_mutex_ held
    std::unique_ptr<AccountStore> store_;
    std::mutex known_mutex_;
    KnownAccounts known_;  // read again when somebody has changed it
    struct Failures {
        double count = 0;
        int64_t at_ns = 0;
    };
    std::mutex failures_mutex_;
    std::map<std::string, Failures> failures_;
};

}  // namespace undercoat::collector
