// See settings.h.
#include "supervisor/forward/settings.h"

#include "wire/remote/messages.h"

#include <sys/utsname.h>
#include <fstream>

namespace undercoat::forward {

void apply_environment(outputs::CollectorSettings& s, const std::map<std::string, std::string>& from_file,
                       const Lookup& environment, std::vector<std::string>& problems) {
    const uplink::Variables r(from_file, environment, problems);
    uplink::read_settings(r, uplink::Upstream::collector_or_relay, s);
    if (s.host.empty()) return;
    r.text("UNDERCOAT_SPOOL", s.spool);
    r.text("UNDERCOAT_AGENT_ID", s.agent_id);
    r.megabytes("UNDERCOAT_SPOOL_MB", s.spool_bytes);
    if (!r.get("UNDERCOAT_SPOOL_MB").empty()) s.memory_bytes = s.spool_bytes;
    r.list("UNDERCOAT_TAGS", s.tags);
    if (s.agent_id.size() > remote::kMaxName) {
        r.problem("UNDERCOAT_AGENT_ID has " + std::to_string(s.agent_id.size()) + " bytes; " + std::to_string(remote::kMaxName) + " are allowed. It is left out.");
        s.agent_id.clear();
    }
    s.rules_first = r.get("UNDERCOAT_PRIORITY") == "security";
    r.seconds("UNDERCOAT_RULES_TIMEOUT", s.rules_timeout);
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
