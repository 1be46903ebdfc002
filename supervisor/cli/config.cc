// `undercoat config`: which settings are in force and where each comes from.
#include "supervisor/cli/commands.h"

#include "rules/catalogue.h"
#include "supervisor/fields/catalogue.h"
#include "supervisor/outputs/composer.h"
#include "supervisor/outputs/settings_file.h"

#include <boost/json.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <string_view>
#include <unistd.h>

namespace undercoat::cli {
namespace {

struct Setting {
    const char* variable;
    const char* standard;  // what holds when the variable is not set
    const char* allowed;   // words separated by blanks; "" for free text
    const char* flag;
    const char* meaning;
};

constexpr Setting kSettings[] = {
    {"UNDERCOAT_MODE", "auto", "auto full preload trap", "--mode", "how calls are captured"},
    {"UNDERCOAT_PROTECT", "deny", "deny report", "--protect", "calls aimed at our own processes fail, or are told only"},
    {"UNDERCOAT_IO_URING", "report", "report deny", "--io-uring", "io_uring is told, or there is none"},
    {"UNDERCOAT_RULES", "the bundle's rules directory", "", "--rules", "rules files, separated by colons"},
    {"UNDERCOAT_CONFIG", "none", "", "--config", "a configuration file, with keys of falco.yaml"},
    {"UNDERCOAT_ALERTS", "stderr", "", "--alerts", "where alerts go: stdout, stderr or a file"},
    {"UNDERCOAT_FORMAT", "text on streams, json in files", "text json", "--format", "form of alerts"},
    {"UNDERCOAT_EVENTS", "none", "", "--events", "a file for all events"},
    {"UNDERCOAT_LOGGING", "warning", "silent error warning info debug trace", "--log", "own messages, on stderr"},
    {"UNDERCOAT_PRIORITY", "availability", "availability security", "",
     "start the workload at once, or only when the rules are loaded"},
    {"UNDERCOAT_RULES_TIMEOUT", "30", "", "", "seconds for which 'security' waits for rules from the collector"},
    {"UNDERCOAT_COLLECTOR", "none", "", "", "collector that alerts are sent to: HOST[:PORT]"},
    {"UNDERCOAT_COLLECTOR_PORT", "6443", "", "", "its port"},
    {"UNDERCOAT_ORCHESTRATOR", "none", "", "", "relay that alerts are sent to instead: HOST[:PORT]"},
    {"UNDERCOAT_ORCHESTRATOR_PORT", "6667", "", "", "its port"},
    {"UNDERCOAT_ACCESS_KEY", "none", "", "", "what the collector knows this agent by"},
    {"UNDERCOAT_ACCESS_KEY_FILE", "none", "", "", "a file that holds it"},
    {"UNDERCOAT_TAGS", "none", "", "", "tags of this agent, separated by commas"},
    {"UNDERCOAT_CA_CERT", "the system's", "", "", "certificate authority of the collector, a PEM file"},
    {"UNDERCOAT_CLIENT_CERT", "none", "", "", "certificate that the collector is shown, a PEM file"},
    {"UNDERCOAT_CLIENT_KEY", "none", "", "", "its key"},
    {"UNDERCOAT_INSECURE", "false", "true false 1 0 yes no", "", "do not check the collector's certificate"},
    {"UNDERCOAT_PROXY", "none", "", "", "HTTP proxy on the way: [http://][USER:PASSWORD@]HOST[:PORT]"},
    {"UNDERCOAT_PROXY_USER", "none", "", "", "user for the proxy"},
    {"UNDERCOAT_PROXY_PASSWORD", "none", "", "", "password for the proxy"},
    {"UNDERCOAT_SPOOL", "/var/lib/undercoat/spool", "", "", "directory in which alerts wait, or 'memory'"},
    {"UNDERCOAT_SPOOL_MB", "64, in memory 8", "", "", "its size in megabytes"},
    {"UNDERCOAT_AGENT_ID", "made at random", "", "", "name of this agent at the collector"},
};

bool is_allowed(const Setting& s, std::string_view value) {
    std::string_view rest = s.allowed;
    if (rest.empty()) return true;
    while (!rest.empty()) {
        const size_t end = std::min(rest.find(' '), rest.size());
        if (rest.substr(0, end) == value) return true;
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return false;
}

// Variables of the bundle itself, and those that describe the container.
bool is_internal(std::string_view name) {
    return name == "UNDERCOAT_MEET" || name == "UNDERCOAT_ADDED" || name == "UNDERCOAT_SUPERVISOR" ||
           name == "UNDERCOAT_FAULT" || name.starts_with("UNDERCOAT_CONTAINER_") ||
           name.starts_with("UNDERCOAT_POD_LABELS");
}

// One message for each variable of ours that is unknown or has a bad value.
std::vector<std::string> complaints() {
    std::vector<std::string> out;
    std::vector<std::string_view> names;
    for (const Setting& s : kSettings) names.push_back(s.variable);
    for (char** e = environ; *e; ++e) {
        const std::string_view entry = *e;
        const size_t equals = entry.find('=');
        const std::string_view name = entry.substr(0, equals);
        if (!name.starts_with("UNDERCOAT_") || equals == entry.npos || is_internal(name)) continue;
        const auto known = std::find_if(std::begin(kSettings), std::end(kSettings),
                                        [&](const Setting& s) { return name == s.variable; });
        if (known == std::end(kSettings)) {
            const std::string near = rules::nearest_name(name, names);
            out.push_back(std::string(name) + " is no setting" + (near.empty() ? "" : "; did you mean " + near + "?"));
        } else if (const auto value = entry.substr(equals + 1); !value.empty() && !is_allowed(*known, value)) {
            out.push_back(std::string(name) + " is '" + std::string(value) + "'; allowed are: " + known->allowed);
        }
    }
    return out;
}

// The same for a configuration file: what is wrong, then what is left out and harmless.
std::vector<std::string> complaints_about(const std::string& path, std::vector<std::string>& remarks) {
    auto file = outputs::read_settings_file(path);
    if (!file) return {file.error()};
    std::vector<std::string> out = file->problems;
    out.insert(out.end(), file->ignored.begin(), file->ignored.end());
    remarks = file->foreign;
    remarks.insert(remarks.end(), file->absent.begin(), file->absent.end());
    const fields::FieldCatalogue catalogue;
    outputs::Composer(file->outputs.append, catalogue, [&](const std::string& m) { out.push_back(path + ": " + m); });
    return out;
}

}  // namespace

int show_config(bool json, const std::string& given) {
    boost::json::object all;
    for (const Setting& s : kSettings) {
        const char* value = std::getenv(s.variable);
        const bool set = value && *value;
        const std::string_view name = s.variable;
        if (set && (name == "UNDERCOAT_ACCESS_KEY" || name == "UNDERCOAT_PROXY_PASSWORD" || name == "UNDERCOAT_PROXY")) value = "(set)";
        if (json) {
            all[s.variable] = {{"value", set ? value : s.standard}, {"from", set ? "environment" : "default"}, {"flag", s.flag}};
            continue;
        }
        std::printf("%-27s %-30s %-12s %s%s%s\n", s.variable, set ? value : s.standard, set ? "environment" : "default",
                    s.meaning, *s.flag ? "; flag " : "", s.flag);
    }
    if (json) std::cout << all << "\n";
    auto wrong = complaints();
    std::vector<std::string> remarks;
    const char* variable = std::getenv("UNDERCOAT_CONFIG");
    if (const std::string file = !given.empty() ? given : variable ? variable : ""; !file.empty())
        for (std::string& message : complaints_about(file, remarks)) wrong.push_back(std::move(message));
    for (const std::string& message : remarks) std::fprintf(stderr, "undercoat: note: %s\n", message.c_str());
    for (const std::string& message : wrong) std::fprintf(stderr, "undercoat: %s\n", message.c_str());
    return wrong.empty() ? 0 : 1;
}

}  // namespace undercoat::cli
