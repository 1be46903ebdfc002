// The subcommands `key add|list|remove` of the programs that agents log in to.
#pragma once

#include "collector/auth/accounts.h"
#include "collector/record.h"
#include "collector/setup.h"

#include <CLI/CLI.hpp>

#include <functional>
#include <iostream>

namespace undercoat::collector {

using Fail = int (*)(const std::string& message);  // says it, and gives the exit status

// Where the accounts are, once the command line is known. What it is given must live as long.
using OpenAccounts = std::function<Result<std::shared_ptr<Accounts>>()>;

inline OpenAccounts accounts_of_directory(const std::string& data) {
    return [&data]() -> Result<std::shared_ptr<Accounts>> {
        if (Status s = take_directory(data, false); !s) return Error{s.error()};
        auto accounts = Accounts::open(data);
        if (!accounts) return Error{accounts.error()};
        return std::shared_ptr<Accounts>(std::move(*accounts));
    };
}

// Whatever the database throws is told.
template <class Use>
int with_accounts(const OpenAccounts& open, Fail fail, Use use) try {
    auto accounts = open();
    if (!accounts) return fail(accounts.error());
    return use(**accounts);
} catch (const std::exception& e) {
    return fail(std::string(e.what()) + ".");
}

// `status` must live until the command line is parsed; it becomes the exit status. One role: none is asked for.
inline void add_key_commands(CLI::App& app, const OpenAccounts& open, const std::vector<std::string>& roles, Fail fail, int& status) {
    struct Given {
        std::string name, role = "agent";
    };
    auto given = std::make_shared<Given>();
    auto* key = app.add_subcommand("key", roles.size() > 1 ? "Access keys: of agents, relays, for reading (api), for changing rules (admin)"
                                                           : "Access keys of agents");
    key->require_subcommand(1);
    auto* add = key->add_subcommand("add", "Make a key and print it, this once");
    add->add_option("NAME", given->name)->required();
    if (roles.size() > 1) add->add_option("--role", given->role, "agent, relay, api or admin")->check(CLI::IsMember(roles))->capture_default_str();
    add->callback([open, fail, given, &status] {
        status = with_accounts(open, fail, [&](Accounts& a) {
            const auto made = a.add_key(given->name, given->role);
            if (!made) return fail(made.error());
            std::cout << *made << "\n";
            return 0;
        });
    });
    key->add_subcommand("list", "List the keys' names")->callback([open, fail, &status] {
        status = with_accounts(open, fail, [](Accounts& a) {
            for (const KeyInfo& k : a.keys())
                std::cout << k.name << "\t" << k.role << "\t" << k.hint << "…\t" << iso_time(k.created_ns).substr(0, 19) << "Z\n";
            return 0;
        });
    });
    auto* remove = key->add_subcommand("remove", "Take a key back");
    remove->add_option("NAME", given->name)->required();
    remove->callback([open, fail, given, &status] {
        status = with_accounts(open, fail, [&](Accounts& a) {
            return a.remove_key(given->name) ? 0 : fail("There is no key named '" + given->name + "'.");
        });
    });
}

}  // namespace undercoat::collector
