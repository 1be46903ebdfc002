// Parses the supervisor's command line.
#include "supervisor/pipeline/options.h"

#include <CLI/CLI.hpp>

namespace undercoat::pipeline {
namespace {

void declare(CLI::App& app, SupervisorOptions& o) {
    app.add_option("--agent-fd", o.agent_fd, "socket to instrument, inherited");
    app.add_option("--rules", o.rules, "file or folder of rules; repeatable")->allow_extra_args(false);
    app.add_option("--config", o.config, "configuration file, with keys of falco.yaml");
    app.add_option("--alerts", o.alerts, "where alerts go: stdout, stderr, none, or a file");
    app.add_option("--events", o.events, "where every event goes, as JSON lines: a file");
    app.add_flag("--json", o.json, "alerts as JSON");
    app.add_option("--format", o.format, "form of alerts: text or json")->check(CLI::IsMember({"text", "json"}));
    app.add_option("--rule-matching", o.rule_matching, "all or first")->check(CLI::IsMember({"all", "first"}));
    app.add_option("--priority-min", o.priority_min, "least severe priority that is loaded")
        ->check(CLI::IsMember({"emergency", "alert", "critical", "error", "warning", "notice", "informational", "info",
                               "debug"}, CLI::ignore_case));
    app.add_flag("--host", o.host, "this is a host, not a container");
    app.add_option("--replay", o.replay, "evaluate the events of this file and exit");
    app.add_option("--log", o.log, "error, warning, info, debug or trace")
        ->check(CLI::IsMember({"silent", "error", "warning", "info", "debug", "trace"}));
}

}  // namespace

// One option at a time: what is wrong with one does not touch the others.
SupervisorOptions parse_options(int argc, const char* const* argv) {
    SupervisorOptions out;
    for (int i = 1; i < argc;) {
        SupervisorOptions o = out;
        CLI::App app;
        app.set_help_flag();
        declare(app, o);
        std::vector<std::string> words{argv[i++]};
        if (words[0] == "--help" || words[0] == "-h") {
            out.help = true;
            continue;
        }
        const bool next_is_value = i < argc && std::string(argv[i]).rfind("--", 0) != 0;
        if (words[0].find('=') == std::string::npos && next_is_value) words.insert(words.begin(), argv[i++]);
        const std::string name = words.back();  // parse() takes the words away
        o.rules.clear();
        try {
            app.parse(words);
        } catch (const CLI::ParseError& e) {
            out.problems.push_back("Option '" + name + "' is ignored: " + e.what() + ".");
            continue;
        }
        std::vector<std::string> rules = out.rules;
        rules.insert(rules.end(), o.rules.begin(), o.rules.end());
        o.rules = std::move(rules);
        out = std::move(o);
    }
    return out;
}

std::string help_text() {
    SupervisorOptions o;
    CLI::App app("Reads the rings that instrument hands over, keeps the state and evaluates rules.", "supervisor");
    declare(app, o);
    return app.help();
}

}  // namespace undercoat::pipeline
