// The program `orchestrator`: takes alerts over from many agents and brings them to one collector.
//
// Must stay true: the access key is printed once, at the first start, and only on standard output; how the collector is reached
// is said by the variables that say it to an agent.
#include "collector/key_commands.h"
#include "collector/record.h"
#include "collector/relay/relay_service.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <iostream>

namespace {

using namespace undercoat;
using namespace undercoat::collector;

struct Options {
    std::string data = "/var/lib/undercoat-orchestrator";
    std::string listen = "0.0.0.0:6667";
    std::vector<std::string> names;
    std::string certificate, key, client_ca;
    unsigned spool_mb = 1024;
    unsigned max_connections = 4096;
};

void say(const std::string& message) {
    std::fprintf(stderr, "%s orchestrator: %s\n", iso_time(now_ns()).substr(0, 19).c_str(), message.c_str());
}

int fail(const std::string& message) {
    std::fprintf(stderr, "orchestrator: %s\n", message.c_str());
    return 1;
}

// Nothing: the settings of the way to the collector. Otherwise what is wrong with them.
Status read_upstream(RelaySettings& s) {
    const std::map<std::string, std::string> no_file;
    const uplink::Lookup environment = [](const char* name) -> const char* { return std::getenv(name); };
    std::vector<std::string> problems;
    const uplink::Variables variables(no_file, environment, problems);
    uplink::read_settings(variables, uplink::Upstream::collector, s.upstream);
    variables.list("UNDERCOAT_TAGS", s.tags);
    if (!problems.empty()) return Error{problems[0]};
    if (s.upstream.host.empty()) return Error{"There is no collector: set UNDERCOAT_COLLECTOR, and UNDERCOAT_ACCESS_KEY."};
    return Unit{};
}

Result<Certificate> choose_certificate(const Options& o) {
    if (!o.certificate.empty()) return read_certificate(o.certificate, o.key);
    std::vector<std::string> names = o.names;
    names.push_back(host_name());
    return own_certificate(o.data, "orchestrator", names);
}

// What a person needs to know once.
Status first_start(const Options& o, const std::string& where) {
    auto accounts = Accounts::open(o.data);
    if (!accounts) return Error{accounts.error()};
    if (!(*accounts)->keys().empty()) return Unit{};
    const auto key = (*accounts)->add_key("first", "agent");
    if (!key) return Error{key.error()};
    std::cout << "This is the first start; what follows is shown this once.\n"
              << "  access key   " << *key << "\n"
              << "An agent reports here with\n"
              << "  UNDERCOAT_ORCHESTRATOR=" << where << " UNDERCOAT_ACCESS_KEY=" << *key
              << " UNDERCOAT_CA_CERT=" << (o.certificate.empty() ? o.data + "/orchestrator.crt" : o.certificate) << "\n"
              << std::flush;
    return Unit{};
}

int serve(const Options& o) {
    RelaySettings s;
    if (Status upstream = read_upstream(s); !upstream) return fail(upstream.error());
    if (Status taken = take_directory(o.data, true); !taken) return fail(taken.error());
    if (Status split = split_address(o.listen, s.address, s.port); !split) return fail(split.error());
    auto certificate = choose_certificate(o);
    if (!certificate) return fail(certificate.error());
    s.certificate = std::move(*certificate);
    if (Status read = read_whole(o.client_ca, s.client_ca); !read) return fail(read.error());
    s.directory = o.data;
    s.spool_bytes = uint64_t{o.spool_mb} << 20;
    s.max_connections = o.max_connections;
    s.hostname = host_name();
    s.version = UNDERCOAT_VERSION;
    s.log = say;
    const std::string fingerprint = s.certificate.fingerprint;
    prepare_process();
    auto service = RelayService::start(std::move(s));
    if (!service) return fail(service.error());
    const std::string port = std::to_string((*service)->port());
    if (Status said = first_start(o, (o.names.empty() ? host_name() : o.names[0]) + ":" + port); !said) return fail(said.error());
    say("listening on port " + port + ", data in " + o.data);
    say("the certificate's SHA-256 is " + fingerprint);
    wait_for_end();
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Takes alerts over from many agents and brings them to one collector (UNDERCOAT_COLLECTOR, UNDERCOAT_ACCESS_KEY, …).",
                 "orchestrator"};
    app.set_version_flag("--version", "orchestrator " UNDERCOAT_VERSION);
    Options o;
    int status = 0;
    app.add_option("--data", o.data, "directory of everything that is kept")->envname("UNDERCOAT_DATA")->capture_default_str();
    app.add_option("--listen", o.listen, "address and port for agents")->capture_default_str();
    app.add_option("--name", o.names, "a name or address under which it is reached, for its certificate; repeatable");
    auto* certificate = app.add_option("--cert", o.certificate, "a certificate (PEM, with its chain) instead of its own");
    app.add_option("--key", o.key, "the key of --cert")->needs(certificate);
    app.add_option("--client-ca", o.client_ca, "authority (PEM) of certificates that agents may show");
    app.add_option("--spool-mb", o.spool_mb, "megabytes of alerts that may wait for the collector")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
    app.add_option("--max-connections", o.max_connections, "connections at a time")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
    add_key_commands(app, accounts_of_directory(o.data), {"agent"}, fail, status);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        const int code = app.exit(e);
        return code == 0 ? 0 : 2;
    }
    if (app.get_subcommands().empty()) return serve(o);
    return status;
}
