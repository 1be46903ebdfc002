// The program `collector`: receives alerts of many agents, keeps them, answers queries and shows the page.
//
// Must stay true: secrets are printed once, at the first start, and only on standard output; a stop by SIGTERM or
// SIGINT stores what was received.
#include "collector/auth/secrets.h"
#include "collector/key_commands.h"
#include "collector/record.h"
#include "collector/service.h"
#include "collector/setup.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <iostream>

namespace {

using namespace undercoat;
using namespace undercoat::collector;

struct Options {
    std::string data = "/var/lib/undercoat-collector";
    std::string listen = "0.0.0.0:6443";
    std::vector<std::string> names;
    std::string certificate, key, client_ca;
    double max_gib = 10;
    unsigned max_days = 30;
    unsigned max_connections = 4096;
    std::string user = "admin";
};

void say(const std::string& message) {
    std::fprintf(stderr, "%s collector: %s\n", iso_time(now_ns()).substr(0, 19).c_str(), message.c_str());
}

int fail(const std::string& message) {
    std::fprintf(stderr, "collector: %s\n", message.c_str());
    return 1;
}

Result<Certificate> choose_certificate(const Options& o) {
    if (!o.certificate.empty()) return read_certificate(o.certificate, o.key);
    std::vector<std::string> names = o.names;
    names.push_back(host_name());
    return own_certificate(o.data, "collector", names);
}

// What a person needs to know once.
Status first_start(const Options& o, const std::string& where, const std::string& certificate_file) {
    auto accounts = Accounts::open(o.data);
    if (!accounts) return Error{accounts.error()};
    const auto made = (*accounts)->first_start();
    if (!made) return Error{made.error()};
    if (!*made) return Unit{};
    const auto& [key, password] = **made;
    std::cout << "This is the first start; what follows is shown this once.\n"
                 "  page         https://"
              << where
              << "/\n"
                 "  user         admin\n"
                 "  password     "
              << password
              << "\n"
                 "  access key   "
              << key
              << "\n"
                 "An agent reports here with\n"
                 "  UNDERCOAT_COLLECTOR="
              << where << " UNDERCOAT_ACCESS_KEY=" << key << " UNDERCOAT_CA_CERT=" << certificate_file << "\n"
              << std::flush;
    return Unit{};
}

int serve(const Options& o) {
    if (Status s = take_directory(o.data, true); !s) return fail(s.error());
    ServiceSettings s;
    if (Status split = split_address(o.listen, s.address, s.port); !split) return fail(split.error());
    auto certificate = choose_certificate(o);
    if (!certificate) return fail(certificate.error());
    s.certificate = std::move(*certificate);
    if (Status read = read_whole(o.client_ca, s.client_ca); !read) return fail(read.error());
    s.store.directory = o.data;
    s.store.max_bytes = static_cast<uint64_t>(o.max_gib * (1 << 30));
    s.store.max_age = std::chrono::hours(24 * o.max_days);
    s.max_connections = o.max_connections;
    s.version = UNDERCOAT_VERSION;
    s.log = say;
    const std::string fingerprint = s.certificate.fingerprint;
    prepare_process();
    auto service = Service::start(std::move(s));
    if (!service) return fail(service.error());
    const std::string where = (o.names.empty() ? host_name() : o.names[0]) + ":" + std::to_string((*service)->port());
    if (Status first = first_start(o, where, o.certificate.empty() ? o.data + "/collector.crt" : o.certificate); !first)
        return fail(first.error());
    say("listening on port " + std::to_string((*service)->port()) + ", data in " + o.data);
    say("the certificate's SHA-256 is " + fingerprint);
    wait_for_end();
    return 0;
}

int new_password(const Options& o) {
    return with_accounts(o.data, fail, [&](Accounts& a) {
        const std::string password = random_text(20);
        a.set_password(o.user, password);
        std::cout << password << "\n";
        return 0;
    });
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Receives the alerts of many agents, keeps them, and shows them on a page.", "collector"};
    app.set_version_flag("--version", "collector " UNDERCOAT_VERSION);
    Options o;
    int status = 0;
    app.add_option("--data", o.data, "directory of everything that is kept")
        ->envname("UNDERCOAT_DATA")
        ->capture_default_str();
    app.add_option("--listen", o.listen, "address and port for agents, tools and browsers")->capture_default_str();
    app.add_option("--name", o.names, "a name or address under which it is reached, for its certificate; repeatable");
    auto* certificate =
        app.add_option("--cert", o.certificate, "a certificate (PEM, with its chain) instead of its own");
    app.add_option("--key", o.key, "the key of --cert")->needs(certificate);
    app.add_option("--client-ca", o.client_ca, "authority (PEM) of certificates that clients may show");
    app.add_option("--max-size", o.max_gib, "GiB of alerts that are kept")
        ->check(CLI::Range(0.01, 1e6))
        ->capture_default_str();
    app.add_option("--max-age", o.max_days, "days for which alerts are kept")
        ->check(CLI::Range(1, 36500))
        ->capture_default_str();
    app.add_option("--max-connections", o.max_connections, "connections at a time")
        ->check(CLI::Range(1, 1000000))
        ->capture_default_str();
    add_key_commands(app, o.data, {"agent", "relay", "api", "admin"}, fail, status);
    auto* password = app.add_subcommand("password", "Give a user a new password and print it; makes the user");
    password->add_option("USER", o.user)->capture_default_str();
    password->callback([&] { status = new_password(o); });
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        const int code = app.exit(e);
        return code == 0 ? 0 : 2;
    }
    if (app.get_subcommands().empty()) return serve(o);
    return status;
}
