// The subcommands `key add|list|remove` of the programs that agents log in to.
#pragma once

#include "collector/auth/accounts.h"
#include "collector/record.h"
#include "collector/setup.h"

#include <CLI/CLI.hpp>

#include <iostream>

namespace undercoat::collector {

using Fail = int (*)(const std::string& message);  // says it, and gives the exit status

template <class Use>
int with_accounts(const std::string& data, Fail fail, Use use) {
    if (Status s = take_directory(data, false); !s) return fail(s.error());
    auto accounts = Accounts::open(data);
    if (!accounts) return fail(accounts.error());
    return use(**accounts);
}

// `data` and `status` must live until the command line is parsed; `status` becomes the exit status. One role: none is asked for.
inline void add_key_commands(CLI::App& app, const std::string& data, const std::vector<std::string>& roles, Fail fail, int& status) {
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
    add->callback([&data, fail, given, &status] {
        status = with_accounts(data, fail, [&](Accounts& a) {
            const auto made = a.add_key(given->name, given->role);
            if (!made) return fail(made.error());
            std::cout << *made << "\n";
            return 0;
        });
    });
    key->add_subcommand("list", "List the keys' names")->callback([&data, fail, &status] {
        status = with_accounts(data, fail, [](Accounts& a) {
            for (const KeyInfo& k : a.keys())
                std::cout << k.name << "\t" << k.role << "\t" << k.hint << "…\t" << iso_time(k.created_ns).substr(0, 19) << "Z\n";
            return 0;
        });
    });
    auto* remove = key->add_subcommand("remove", "Take a key back");
    remove->add_option("NAME", given->name)->required();
    remove->callback([&data, fail, given, &status] {
        status = with_accounts(data, fail, [&](Accounts& a) {
            return a.remove_key(given->name) ? 0 : fail("There is no key named '" + given->name + "'.");
        });
    });
}

}  // namespace undercoat::collector
