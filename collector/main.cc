// The program `collector`: receives alerts of many agents, keeps them, answers queries and shows the page.
//
// Must stay true: secrets are printed once, at the first start, and only on standard output; a stop by SIGTERM or
// SIGINT stores what was received.
#include "collector/auth/secrets.h"
#include "collector/key_commands.h"
#include "collector/record.h"
#include "collector/service.h"
#include "collector/setup.h"
#include "collector/shared.h"

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
    std::string password_file, token_file;
    bool ingest = false;
    SharedSettings shared;
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

Status read_secret(const std::string& path, std::string& secret) {
    if (Status read = read_whole(path, secret); !read) return read;
    while (secret.ends_with('\n')) secret.pop_back();
    return Unit{};
}

Result<std::unique_ptr<Backend>> open_backend(Options& o) {
    StoreSettings s;
    s.directory = o.data;
    s.max_bytes = static_cast<uint64_t>(o.max_gib * (1 << 30));
    s.max_age = std::chrono::hours(24 * o.max_days);
    if (!o.shared.any()) return open_sqlite_backend(s);
    if (o.shared.store.empty()) return Error{"--nats wants --store postgresql://…, where what was drained is stored."};
    if (Status read = read_secret(o.password_file, o.shared.password); !read) return Error{read.error()};
    return open_shared_backend(o.shared, s, say);
}

// Of the commands beside a running collector.
struct AccountsAndBackend {
    std::unique_ptr<Backend> backend;
    std::unique_ptr<Accounts> accounts;
};
Result<std::shared_ptr<Accounts>> open_accounts(Options& o) {
    if (!o.shared.any()) return accounts_of_directory(o.data)();
    auto both = std::make_shared<AccountsAndBackend>();
    auto backend = open_backend(o);
    if (!backend) return Error{backend.error()};
    both->backend = std::move(*backend);
    auto store = both->backend->accounts();
    if (!store) return Error{store.error()};
    both->accounts = std::make_unique<Accounts>(std::move(*store));
    return std::shared_ptr<Accounts>(both, both->accounts.get());
}

// What a person needs to know once.
Status first_start(Accounts& accounts, const std::string& where, const std::string& certificate_file) {
    const auto made = accounts.first_start();
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

Status open_backbone(Options& o, ServiceSettings& s) {
    s.ingest = o.ingest;
    if (o.shared.nats.empty()) return o.ingest ? Status(Error{"--ingest wants --nats, from where others store."}) : Unit{};
    if (Status read = read_secret(o.token_file, o.shared.token); !read) return read;
    auto backbone = open_shared_backbone(o.shared, say);
    if (!backbone) return Error{backbone.error()};
    s.backbone = std::move(*backbone);
    return Unit{};
}

int serve(Options& o) {
    if (Status s = take_directory(o.data, true); !s) return fail(s.error());
    ServiceSettings s;
    if (Status split = split_address(o.listen, s.address, s.port); !split) return fail(split.error());
    auto certificate = choose_certificate(o);
    if (!certificate) return fail(certificate.error());
    s.certificate = std::move(*certificate);
    if (Status read = read_whole(o.client_ca, s.client_ca); !read) return fail(read.error());
    s.max_age = std::chrono::hours(24 * o.max_days);
    s.max_connections = o.max_connections;
    s.version = UNDERCOAT_VERSION;
    s.log = say;
    const std::string fingerprint = s.certificate.fingerprint;
    prepare_process();
    auto backend = open_backend(o);
    if (!backend) return fail(backend.error());
    s.backend = std::move(*backend);
    if (Status opened = open_backbone(o, s); !opened) return fail(opened.error());
    auto service = Service::start(std::move(s));
    if (!service) return fail(service.error());
    const std::string where = (o.names.empty() ? host_name() : o.names[0]) + ":" + std::to_string((*service)->port());
    if (Status first = first_start((*service)->accounts(), where, o.certificate.empty() ? o.data + "/collector.crt" : o.certificate); !first)
        return fail(first.error());
    say("listening on port " + std::to_string((*service)->port()) + ", data in " + o.data);
    say("the certificate's SHA-256 is " + fingerprint);
    wait_for_end();
    return 0;
}

int new_password(Options& o) {
    return with_accounts([&o] { return open_accounts(o); }, fail, [&](Accounts& a) {
        const std::string password = random_text(20);
        a.set_password(o.user, password);
        std::cout << password << "\n";
        return 0;
    });
}

void add_shared_options(CLI::App& app, Options& o) {
    SharedSettings& s = o.shared;
    app.add_option("--store", s.store, "postgresql://… that several collectors share, instead of --data alone")->envname("UNDERCOAT_STORE");
    app.add_option("--store-password-file", o.password_file, "file with the password of --store")->envname("UNDERCOAT_STORE_PASSWORD_FILE");
    app.add_option("--nats", s.nats, "nats://… or tls://…: alerts wait in its JetStream until they are stored")->envname("UNDERCOAT_NATS");
    app.add_flag("--ingest", o.ingest, "only take alerts in: collectors without it store what waits in --nats")->envname("UNDERCOAT_INGEST");
    app.add_option("--nats-stream", s.stream, "name of the stream")->envname("UNDERCOAT_NATS_STREAM")->capture_default_str();
    app.add_option("--nats-replicas", s.replicas, "servers that keep each alert, when the stream is made")
        ->envname("UNDERCOAT_NATS_REPLICAS")
        ->check(CLI::Range(1, 5))
        ->capture_default_str();
    app.add_option("--nats-credentials", s.credentials, "file of credentials, as nsc makes it")->envname("UNDERCOAT_NATS_CREDENTIALS");
    app.add_option("--nats-token-file", o.token_file, "file with a token")->envname("UNDERCOAT_NATS_TOKEN_FILE");
    app.add_option("--nats-ca", s.ca_file, "authority (PEM) of the servers' certificates; TLS is then asked for")->envname("UNDERCOAT_NATS_CA");
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
    add_shared_options(app, o);
    app.parse_complete_callback([&] {
        if (Status s = o.shared.any() ? be_the_shared_program(argv) : Status(Unit{}); !s) std::exit(fail(s.error()));
    });
    add_key_commands(app, [&o] { return open_accounts(o); }, {"agent", "relay", "api", "admin"}, fail, status);
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
