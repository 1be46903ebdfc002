// See configure.h.
#include "supervisor/pipeline/configure.h"

#include "supervisor/forward/forwarder.h"
#include "supervisor/forward/settings.h"
#include "supervisor/outputs/settings_file.h"

#include <cstdlib>

namespace undercoat::pipeline {
namespace {

using actions::Severity;

outputs::SettingsFile read_file(const std::string& path, const actions::Log& log) {
    if (path.empty()) return {};
    auto file = outputs::read_settings_file(path);
    if (!file) {
        log(Severity::error, file.error() + " It is left out.");
        return {};
    }
    for (const std::string& p : file->problems) log(Severity::error, p);
    for (const std::string& i : file->ignored) log(Severity::warning, i);
    for (const std::string& a : file->absent) log(Severity::info, a);
    for (const std::string& f : file->foreign) log(Severity::info, f);
    return std::move(*file);
}

// One output is the main one, which survives the supervisor's death best; the others of the file become channels.
void choose_main(outputs::EngineSettings& s, const SupervisorOptions& o, const outputs::SettingsFile& file) {
    const bool to_stdout = file.to_stdout.value_or(false);
    if (!o.alerts.empty()) s.alerts = o.alerts;
    else if (!file.file.empty()) s.alerts = file.file;
    else if (to_stdout) s.alerts = "stdout";
    else if (file.to_stdout || s.outputs.http.enabled || s.outputs.syslog.enabled || s.outputs.program.enabled) s.alerts = "none";
    if (!file.file.empty() && s.alerts != file.file) s.outputs.files.push_back(file.file);
    if (to_stdout && s.alerts != "stdout") s.outputs.streams.push_back("stdout");
}

}  // namespace

outputs::EngineSettings engine_settings(const SupervisorOptions& o, const actions::Log& log) {
    const outputs::SettingsFile file = read_file(o.config, log);
    outputs::EngineSettings s;
    s.outputs = file.outputs;
    choose_main(s, o, file);
    s.rules.paths = o.rules.empty() ? file.rules_files : o.rules;
    const bool first = o.rule_matching.empty() ? file.first_match.value_or(false) : o.rule_matching == "first";
    s.rules.matching = first ? rules::Matching::first : rules::Matching::all;
    s.rules.load.selections = file.selections;
    if (file.priority) s.rules.load.least_priority = *file.priority;
    if (const auto priority = rules::priority_named(o.priority_min)) s.rules.load.least_priority = *priority;
    s.events = o.events;
    // Falco's default is text everywhere; ours, JSON in files, is for the file of --alerts.
    if (!o.config.empty() && o.alerts.empty()) s.format = outputs::Format::text;
    if (file.json) s.format = *file.json ? outputs::Format::json : outputs::Format::text;
    if (o.json || o.format == "json") s.format = outputs::Format::json;
    if (o.format == "text") s.format = outputs::Format::text;
    s.version = UNDERCOAT_VERSION;
    std::vector<std::string> problems;
    forward::apply_environment(s.outputs.collector, file.collector, [](const char* name) -> const char* { return std::getenv(name); },
                               problems);
    for (const std::string& p : problems) log(Severity::error, p);
    return s;
}

void add_forwarding(outputs::EngineSettings& s, const std::string& mode, const actions::Log& log) {
    if (s.outputs.collector.host.empty()) return;
    if (s.outputs.collector.rules_first && !s.resumed) s.wait_for_rules = s.outputs.collector.rules_timeout;
    s.make_tap = [collector = s.outputs.collector, version = s.version, resumed = s.resumed, mode,
                  log](const std::string& hostname) -> std::unique_ptr<outputs::AlertTap> {
        forward::Identity me;
        me.version = version, me.hostname = hostname, me.mode = mode;
        me.platform = forward::platform_facts([](const char* name) -> const char* { return std::getenv(name); });
        me.resumed = resumed;
        auto forwarder = forward::Forwarder::start(collector, std::move(me), [log](bool trouble, const std::string& message) {
            log(trouble ? Severity::warning : Severity::info, message);
        });
        if (forwarder) return std::move(*forwarder);
        log(Severity::error, forwarder.error() + " Alerts are not forwarded.");
        return nullptr;
    };
}

}  // namespace undercoat::pipeline
