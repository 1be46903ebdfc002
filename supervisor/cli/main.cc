// undercoat: the one command line for people.
//
// Must stay true: `run` hands everything after it to instrument unchanged, so that both take the same options.
#include "supervisor/cli/commands.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <cstring>

using namespace undercoat::cli;

namespace {

constexpr char kRunHelp[] =
    "Run a command with everything it does watched: undercoat run [--rules FILE]... [--alerts stdout|stderr|FILE]\n"
    "[--events FILE] [--mode auto|full|preload|trap] [--] COMMAND... (undercoat run --help shows all options)";

struct Given {
    std::vector<std::string> files;
    std::vector<std::string> tests;
    std::string events;
    std::string recording, config;
    std::string what = "rules";
    ExplainRequest explain;
    PushRequest push;
    std::vector<std::string> feeds;
    bool append = false;
    int64_t pid = 0;
    bool json = false;
    bool verbose = false;
    int status = 0;
};

CLI::App& add_rules(CLI::App& app, Given& g) {
    auto* rules = app.add_subcommand("rules", "Check, list, test and explain rules; list fields and events");
    rules->require_subcommand(1);
    auto* check = rules->add_subcommand("check", "Say whether rules files load, and where and why not");
    check->add_option("FILE", g.files, "rules files or directories, in the order in which they are to be loaded")
        ->required();
    check->add_flag("--json", g.json, "print Falco's falco_load_results as JSON");
    check->add_flag("-v,--verbose", g.verbose, "show warnings in full");
    check->callback([&g] { g.status = check_rules(g.files, g.json, g.verbose); });
    auto* list = rules->add_subcommand("list", "List the rules, macros or lists of files, or of the bundle");
    list->add_option("FILE", g.files, "rules files or directories");
    list->add_option("--what", g.what, "rules, macros or lists")->check(CLI::IsMember({"rules", "macros", "lists"}));
    list->add_flag("--json", g.json, "print JSON");
    list->callback([&g] { g.status = list_rules(g.files, g.what, g.json); });
    auto* describe =
        rules->add_subcommand("describe", "Show a rule with its macros and lists put in, its fields and events");
    describe->add_option("RULE", g.explain.rule, "the rule's name; all rules if not given");
    describe->add_option("--rules", g.files, "a rules file or directory; may be given several times")
        ->allow_extra_args(false);
    describe->add_flag("--json", g.json, "print Falco's falco_describe_results as JSON");
    describe->callback([&g] { g.status = describe_rules(g.explain.rule, g.files, g.json); });
    auto* fields = rules->add_subcommand("fields", "List every field that conditions and outputs can use");
    fields->add_flag("--json", g.json, "print JSON");
    fields->callback([&g] { g.status = list_fields(g.json); });
    auto* events = rules->add_subcommand("events", "List every event type with its arguments");
    events->add_flag("--json", g.json, "print JSON");
    events->callback([&g] { g.status = list_events(g.json); });
    return *rules;
}

void add_rule_runs(CLI::App& rules, Given& g) {
    auto* test = rules.add_subcommand("test", "Run unit tests of rules: events and the alerts that they must give");
    test->add_option("FILE", g.tests, "test files")->required();
    test->add_option("--rules", g.files, "a rules file or directory to load first; may be given several times")
        ->allow_extra_args(false);
    test->add_flag("--json", g.json, "print JSON");
    test->callback([&g] { g.status = test_rules(g.tests, g.files, g.json); });
    auto* why = rules.add_subcommand("explain", "Show why a rule matches a recorded event, or does not");
    why->add_option("RULE", g.explain.rule, "the rule's name")->required();
    why->add_option("EVENT", g.explain.source, "an event log (--events FILE), a .scap capture, - for stdin, or one event as JSON")
        ->required();
    why->add_option("--num", g.explain.number,
                    "number of the event; without it the first that matches, else the last of a fitting type");
    why->add_option("--rules", g.explain.files, "a rules file or directory; may be given several times")
        ->allow_extra_args(false);
    why->add_flag("--all", g.explain.all, "also show what the engine would not look at any more");
    why->add_flag("--json", g.explain.json, "print JSON");
    why->callback([&g] { g.status = explain(g.explain); });
}

void add_push(CLI::App& rules, Given& g) {
    auto* push = rules.add_subcommand("push", "Upload rules to the collector (UNDERCOAT_COLLECTOR, UNDERCOAT_ACCESS_KEY), which hands them to agents");
    push->add_option("NAME", g.push.name, "the ruleset's name")
        ->required()
        ->check([](const std::string& name) {
            return name.find_first_of("/?#% ") == name.npos ? "" : "the name may have letters, digits and . _ -";
        });
    push->add_option("FILE", g.push.files, "rules files and directories, in order: all the rules that the agents are to have")->required();
    push->add_option("--scope", g.push.scope, "which agents: a condition over agent.hostname, agent.tags, tag.NAME, platform.NAME; none: all");
    push->add_option("--position", g.push.position, "of several rulesets that fit an agent the lowest is taken")->check(CLI::Range(0, 1000000));
    push->add_flag("--check", g.push.check, "only ask whether it would be taken");
    push->add_flag("--json", g.push.json, "print JSON");
    push->callback([&g] { g.status = push_rules(g.push); });
}

void add_intel(CLI::App& rules, Given& g) {
    auto* intel = rules.add_subcommand("intel", "Lists of indicators for the rules of Threat Intelligence");
    intel->require_subcommand(1);
    auto* build = intel->add_subcommand("build", "Make feeds into lists of addresses, networks, hosts, hashes and paths, on stdout");
    build->add_option("FEED", g.feeds, "text files with an indicator a line, or - for standard input")->required();
    build->add_flag("--append", g.append, "add to the lists of the packs; without it these are replaced");
    build->callback([&g] { g.status = build_intel(g.feeds, g.append); });
}

void add_others(CLI::App& app, Given& g) {
    auto* doctor_command = app.add_subcommand("doctor", "Try what this machine allows, and say what to change");
    doctor_command->add_flag("--json", g.json, "print JSON");
    doctor_command->add_option("--pid", g.pid, "say how this process is seen, and why not better")->check(CLI::Range(1, 1 << 22));
    doctor_command->callback([&g] { g.status = g.pid != 0 ? doctor_of_process(g.pid, g.json) : doctor(g.json); });
    auto* config = app.add_subcommand("config", "Show the settings in force and where each comes from");
    config->add_flag("--json", g.json, "print JSON");
    config->add_option("--config", g.config, "a configuration file to look at, instead of UNDERCOAT_CONFIG");
    config->callback([&g] { g.status = show_config(g.json, g.config); });
    auto* again =
        app.add_subcommand("replay", "Feed a recorded event log (run --events FILE) or a .scap capture to rules; alerts go to stdout");
    again->add_option("FILE", g.recording, "the event log or capture")->required();
    again->add_option("--rules", g.files, "a rules file; may be given several times")->allow_extra_args(false);
    again->add_option("--events", g.events, "write the events as JSON lines to this file");
    again->add_flag("--json", g.json, "alerts as JSON lines");
    again->callback([&g] { g.status = replay(g.recording, g.files, g.events, g.json); });
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 1 && std::strcmp(argv[1], "run") == 0) return run_program("instrument", argv + 2);
    for (const char* server : {"collector", "orchestrator"})
        if (argc > 1 && std::strcmp(argv[1], server) == 0) return run_program(server, argv + 2);
    CLI::App app{"Undercoat: runtime security for containers, from user space.", "undercoat"};
    app.set_version_flag("--version", "undercoat " UNDERCOAT_VERSION);
    app.require_subcommand(1);
    app.footer("Each command has its own --help. Exit status: 0 fine, 1 a problem was found, 2 called wrongly.");
    app.add_subcommand("run", kRunHelp);
    app.add_subcommand("collector", "Receive the alerts of many agents, keep them, show them (undercoat collector --help)");
    app.add_subcommand("orchestrator", "Take alerts over from many agents for one collector (undercoat orchestrator --help)");
    Given given;
    CLI::App& rules = add_rules(app, given);
    add_rule_runs(rules, given);
    add_intel(rules, given);
    add_push(rules, given);
    add_others(app, given);
    try {
        if (argc == 1 || std::strcmp(argv[1], "help") == 0) throw CLI::CallForHelp();
        const auto all = app.get_subcommands([](CLI::App*) { return true; });
        const bool known = std::any_of(all.begin(), all.end(), [&](const CLI::App* a) { return a->check_name(argv[1]); });
        if (argv[1][0] != '-' && !known) {
            std::fprintf(stderr, "undercoat: '%s' is no command; undercoat --help lists them.\n", argv[1]);
            return 2;
        }
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        const int status = app.exit(e);
        return status == 0 ? 0 : 2;
    }
    return given.status;
}
