// See settings.h.
#include "supervisor/forward/settings.h"

#include <sys/utsname.h>
#include <charconv>
#include <fstream>

namespace undercoat::forward {
namespace {

class Reader {
public:
    Reader(const std::map<std::string, std::string>& file, const Lookup& environment,
           std::vector<std::string>& problems)
        : file_(file), environment_(environment), problems_(problems) {}

    std::string get(const char* name) const {
        if (const char* v = environment_(name); v && *v) return v;
        const auto it = file_.find(name);
        return it == file_.end() ? "" : it->second;
    }
    void text(const char* name, std::string& to) const {
        if (std::string v = get(name); !v.empty()) to = std::move(v);
    }
    void flag(const char* name, bool& to) const {
        const std::string v = get(name);
        if (v.empty()) return;
        if (v == "1" || v == "true" || v == "yes") to = true;
        else if (v == "0" || v == "false" || v == "no") to = false;
        else bad(name, v, "true and false are allowed");
    }
    void megabytes(const char* name, size_t& to) const {
        const std::string v = get(name);
        if (v.empty()) return;
        size_t n = 0;
        const auto [end, error] = std::from_chars(v.data(), v.data() + v.size(), n);
        if (error != std::errc() || end != v.data() + v.size() || n < 1 || n > 100'000)
            bad(name, v, "a number of megabytes from 1 to 100000 is allowed");
        else to = n << 20;
    }
    void bad(const char* name, const std::string& given, const char* allowed) const {
        problems_.push_back(std::string(name) + " is '" + given + "'; " + allowed + ". It is left out.");
    }

private:
    const std::map<std::string, std::string>& file_;
    const Lookup& environment_;
    std::vector<std::string>& problems_;
};

// HOST, HOST:PORT, [IPV6], [IPV6]:PORT.
bool split(const std::string& text, std::string& host, std::string& port) {
    const size_t bracket = text.rfind(']');
    const size_t colon = text.find(':', bracket == text.npos ? 0 : bracket);
    host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (colon != text.npos) port = text.substr(colon + 1);
    return !host.empty() && host.find_first_of("/@ ") == host.npos && !port.empty() && port.size() <= 5 &&
           port.find_first_not_of("0123456789") == port.npos;
}

// The collector or, with the same meaning for us, the orchestrator before it.
void address(const Reader& r, outputs::CollectorSettings& s) {
    for (const auto& [name, port_name, standard] :
         {std::tuple{"UNDERCOAT_COLLECTOR", "UNDERCOAT_COLLECTOR_PORT", "6443"},
          std::tuple{"UNDERCOAT_ORCHESTRATOR", "UNDERCOAT_ORCHESTRATOR_PORT", "6667"}}) {
        const std::string given = r.get(name);
        if (given.empty()) continue;
        s.port = standard;
        r.text(port_name, s.port);
        if (!split(given, s.host, s.port)) {
            r.bad(name, given, "HOST or HOST:PORT is allowed");
            s.host.clear();
        }
    }
}

void proxy(const Reader& r, outputs::CollectorSettings& s) {
    std::string given = r.get("UNDERCOAT_PROXY");
    if (given.empty()) return;
    const std::string whole = given;
    if (given.starts_with("http://")) given.erase(0, 7);
    while (given.ends_with('/')) given.pop_back();
    if (const size_t at = given.rfind('@'); at != given.npos) {
        const std::string login = given.substr(0, at);
        const size_t colon = login.find(':');
        s.proxy_user = login.substr(0, colon);
        s.proxy_password = colon == login.npos ? "" : login.substr(colon + 1);
        given.erase(0, at + 1);
    }
    s.proxy_port = "3128";
    if (!split(given, s.proxy_host, s.proxy_port)) {
        r.bad("UNDERCOAT_PROXY", whole.substr(whole.rfind('@') + 1), "[http://][USER:PASSWORD@]HOST[:PORT] is allowed");
        s.proxy_host.clear();
    }
    r.text("UNDERCOAT_PROXY_USER", s.proxy_user);
    r.text("UNDERCOAT_PROXY_PASSWORD", s.proxy_password);
}

void access_key(const Reader& r, outputs::CollectorSettings& s, std::vector<std::string>& problems) {
    if (const std::string file = r.get("UNDERCOAT_ACCESS_KEY_FILE"); !file.empty()) {
        std::ifstream in(file);
        std::string key;
        if (!(in >> key))
            problems.push_back("UNDERCOAT_ACCESS_KEY_FILE is '" + file + "', which holds no key or cannot be read.");
        else s.access_key = key;
    }
    r.text("UNDERCOAT_ACCESS_KEY", s.access_key);
    if (s.access_key.find_first_of(" \r\n\t") == s.access_key.npos) return;
    problems.push_back("UNDERCOAT_ACCESS_KEY holds a blank or a line break; it is left out.");
    s.access_key.clear();
}

}  // namespace

void apply_environment(outputs::CollectorSettings& s, const std::map<std::string, std::string>& from_file,
                       const Lookup& environment, std::vector<std::string>& problems) {
    const Reader r(from_file, environment, problems);
    address(r, s);
    if (s.host.empty()) return;
    proxy(r, s);
    access_key(r, s, problems);
    r.text("UNDERCOAT_CA_CERT", s.ca_cert);
    r.text("UNDERCOAT_CLIENT_CERT", s.client_cert);
    r.text("UNDERCOAT_CLIENT_KEY", s.client_key);
    r.text("UNDERCOAT_SPOOL", s.spool);
    r.text("UNDERCOAT_AGENT_ID", s.agent_id);
    r.flag("UNDERCOAT_INSECURE", s.insecure);
    r.megabytes("UNDERCOAT_SPOOL_MB", s.spool_bytes);
    if (!r.get("UNDERCOAT_SPOOL_MB").empty()) s.memory_bytes = s.spool_bytes;
    if (const std::string tags = r.get("UNDERCOAT_TAGS"); !tags.empty()) {
        s.tags.clear();
        for (size_t at = 0; at <= tags.size();) {
            const size_t end = std::min(tags.find(',', at), tags.size());
            if (end > at) s.tags.push_back(tags.substr(at, end - at));
            at = end + 1;
        }
    }
}

std::vector<std::pair<std::string, std::string>> platform_facts(const Lookup& environment) {
    std::vector<std::pair<std::string, std::string>> facts;
    utsname u{};
    if (::uname(&u) == 0) {
        facts.emplace_back("kernel", u.release);
        facts.emplace_back("machine", u.machine);
    }
    std::ifstream release("/etc/os-release");
    for (std::string line; std::getline(release, line);)
        if (line.starts_with("PRETTY_NAME=")) {
            std::string name = line.substr(12);
            std::erase(name, '"');
            facts.emplace_back("distribution", name.substr(0, 200));
        }
    static constexpr std::pair<const char*, const char*> kVariables[] = {
        {"AWS_EXECUTION_ENV", "aws.execution_env"},
        {"AWS_REGION", "aws.region"},
        {"K_SERVICE", "cloudrun.service"},
        {"K_REVISION", "cloudrun.revision"},
        {"CONTAINER_APP_NAME", "azure.app"},
        {"CONTAINER_APP_REVISION", "azure.revision"},
        {"KUBERNETES_SERVICE_HOST", "kubernetes.api"},
        {"POD_NAME", "kubernetes.pod"},
        {"POD_NAMESPACE", "kubernetes.namespace"},
        {"ECS_CONTAINER_METADATA_URI_V4", "ecs.metadata"}};
    for (const auto& [variable, fact] : kVariables)
        if (const char* v = environment(variable); v && *v) facts.emplace_back(fact, std::string(v).substr(0, 400));
    return facts;
}

}  // namespace undercoat::forward
