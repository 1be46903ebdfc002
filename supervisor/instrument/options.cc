// See options.h. The command line is parsed by hand: instrument starts before every workload, and what it cannot name
// itself it hands to the supervisor.
#include "supervisor/instrument/options.h"

#include <array>
#include <charconv>
#include <string_view>

namespace undercoat::instrument {

const char* const kHelp =
    R"(Usage: instrument [OPTIONS] [--] COMMAND [ARGUMENTS...]

Run COMMAND as it would run without us, see every security-relevant system call of it and of all
its descendants, evaluate Falco rules on them, and report alerts.

How to capture
  --mode auto|full|preload|trap   full: preloaded library and seccomp filter; preload: the library
                                  alone; trap: the filter alone; auto: the best that works (default)
  --trap auto|notify|ptrace|ptrace-all
                                  how calls are held: user notifications; a tracer, which tells exact
                                  results and costs more; a tracer at every call, where there is no
                                  seccomp(2); auto: the first of these that works (default)
  --protect deny|report           calls aimed at our own processes fail with EPERM (default), or are
                                  events and nothing else
  --io-uring report|deny          io_uring, whose work no filter sees: its set-up is an event (default),
                                  or fails with ENOSYS, so that programs do without
  --no-filter                     do not install a seccomp filter: same as --mode preload

What to evaluate and where to write it
  --rules FILE                    a rules file; may be given several times
  --rule-matching first|all       stop at the first matching rule of an event, or report all
  --priority-min PRIORITY         leave out rules below this priority
  --config FILE                   a configuration file, with keys of falco.yaml
  --alerts stdout|stderr|FILE     where alerts go
  --format text|json              form of alerts; text on streams and JSON in files if not given
  --json                          the same as --format json
  --events FILE                   every captured event as one line of JSON
  --host                          the workload is not a container
  --log LEVEL                     own messages: silent, error, warning, info, debug, trace

  --help, --version

The exit status is that of COMMAND; 127 if it is not found, 126 if it cannot be executed, 2 if
instrument itself was called wrongly. Variables (flags win): UNDERCOAT_MODE, UNDERCOAT_RULES
(files separated by colons), UNDERCOAT_PROTECT, UNDERCOAT_IO_URING, UNDERCOAT_CONFIG, UNDERCOAT_ALERTS, UNDERCOAT_FORMAT, UNDERCOAT_EVENTS,
UNDERCOAT_LOGGING, UNDERCOAT_PRIORITY (availability: start at once; security: start when the rules are loaded).
)";

namespace {

template <class T>
struct Word {
    std::string_view word;
    T value;
};

constexpr std::array<Word<Mode>, 4> kModes{
    {{"auto", Mode::automatic}, {"full", Mode::full}, {"preload", Mode::preload}, {"trap", Mode::trap}}};
constexpr std::array<Word<LogLevel>, 6> kLevels{{{"silent", LogLevel::silent},
                                                 {"error", LogLevel::error},
                                                 {"warning", LogLevel::warning},
                                                 {"info", LogLevel::info},
                                                 {"debug", LogLevel::debug},
                                                 {"trace", LogLevel::trace}}};
constexpr std::array<Word<TrapKind>, 4> kTraps{{{"auto", TrapKind::automatic},
                                                {"notify", TrapKind::notify},
                                                {"ptrace", TrapKind::ptrace},
                                                {"ptrace-all", TrapKind::ptrace_all}}};
constexpr std::array<Word<bool>, 2> kProtections{{{"deny", true}, {"report", false}}};
constexpr std::array<Word<bool>, 2> kUrings{{{"report", false}, {"deny", true}}};
constexpr std::array<Word<bool>, 2> kFormats{{{"text", false}, {"json", true}}};
constexpr std::array<Word<bool>, 2> kMatchings{{{"first", true}, {"all", false}}};
constexpr std::array<Word<bool>, 2> kPriorities{{{"availability", false}, {"security", true}}};

// Options of the supervisor that may stand before the command.
struct Passed {
    std::string_view name;
    bool takes_value;
};
constexpr Passed kPassed[] = {{"rules", true},         {"config", true}, {"alerts", true}, {"events", true}, {"json", false},
                              {"format", true},        {"host", false},  {"log", true},    {"priority-min", true},
                              {"rule-matching", true}};

template <class T, size_t N>
Status choose(const std::array<Word<T>, N>& words, const std::string& name, std::string_view given, T& out) {
    std::string allowed;
    for (const Word<T>& w : words) {
        if (w.word == given) {
            out = w.value;
            return Unit{};
        }
        allowed += (allowed.empty() ? "" : ", ") + std::string(w.word);
    }
    return Error{name + " is '" + std::string(given) + "'; allowed are " + allowed + "."};
}

struct Seen {
    bool mode = false, rules = false, config = false, alerts = false, format = false, events = false, log = false, protect = false, io_uring = false;
};

Status apply(Options& o, Seen& seen, const std::string& name, const std::string& value) {
    if (name == "mode") {
        seen.mode = true;
        return choose(kModes, "--mode", value, o.mode);
    }
    if (name == "trap") return choose(kTraps, "--trap", value, o.trap);
    if (name == "protect") {
        seen.protect = true;
        return choose(kProtections, "--protect", value, o.protection.deny);
    }
    if (name == "io-uring") {
        seen.io_uring = true;
        return choose(kUrings, "--io-uring", value, o.protection.deny_uring);
    }
    if (name == "beside") {
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), o.beside);
        if (error == std::errc() && end == value.data() + value.size() && o.beside >= 0) return Unit{};
        return Error{"--beside is '" + value + "'; the library passes the number of a descriptor."};
    }
    if (name == "log") {
        seen.log = true;
        if (Status s = choose(kLevels, "--log", value, o.log); !s) return s;
    }
    // The supervisor takes these two: here it is only said what it would not take.
    bool taken = false;
    if (name == "format")
        if (Status s = choose(kFormats, "--format", value, taken); !s) return s;
    if (name == "rule-matching")
        if (Status s = choose(kMatchings, "--rule-matching", value, taken); !s) return s;
    seen.rules |= name == "rules";
    seen.config |= name == "config";
    seen.alerts |= name == "alerts";
    seen.format |= name == "format";
    seen.events |= name == "events";
    o.supervisor.push_back("--" + name);
    o.supervisor.push_back(value);
    return Unit{};
}

Status apply_flag(Options& o, Seen& seen, const std::string& name) {
    seen.format |= name == "json";
    if (name == "help") o.help = true;
    else if (name == "version") o.version = true;
    else if (name == "no-filter") o.no_filter = true;
    else o.supervisor.push_back("--" + name);
    return Unit{};
}

// 1: takes a value, 0: a flag, -1: unknown.
int takes_value(std::string_view name) {
    if (name == "mode" || name == "trap" || name == "protect" || name == "io-uring" || name == "beside") return 1;
    if (name == "no-filter" || name == "help" || name == "version") return 0;
    for (const Passed& p : kPassed)
        if (p.name == name) return p.takes_value ? 1 : 0;
    return -1;
}

void from_environment(Options& o, const Seen& seen, const GetEnv& env) {
    auto note = [&](Status s) {
        if (!s) o.env_errors.push_back(s.error());
    };
    auto given = [&](const char* name) -> const char* {
        const char* v = env(name);
        return v && *v ? v : nullptr;
    };
    if (const char* v = given("UNDERCOAT_PRIORITY"))
        note(choose(kPriorities, "UNDERCOAT_PRIORITY", v, o.hold_until_ready));
    if (const char* v = given("UNDERCOAT_MODE"); v && !seen.mode) note(choose(kModes, "UNDERCOAT_MODE", v, o.mode));
    if (const char* v = given("UNDERCOAT_PROTECT"); v && !seen.protect)
        note(choose(kProtections, "UNDERCOAT_PROTECT", v, o.protection.deny));
    if (const char* v = given("UNDERCOAT_IO_URING"); v && !seen.io_uring)
        note(choose(kUrings, "UNDERCOAT_IO_URING", v, o.protection.deny_uring));
    if (const char* v = given("UNDERCOAT_LOGGING"); v && !seen.log) {
        Status s = choose(kLevels, "UNDERCOAT_LOGGING", v, o.log);
        if (s) o.supervisor.insert(o.supervisor.end(), {"--log", v});
        note(std::move(s));
    }
    if (const char* v = given("UNDERCOAT_RULES"); v && !seen.rules) {
        std::string_view rest = v;
        while (!rest.empty()) {
            const size_t colon = rest.find(':');
            if (std::string_view one = rest.substr(0, colon); !one.empty())
                o.supervisor.insert(o.supervisor.end(), {"--rules", std::string(one)});
            rest = colon == rest.npos ? std::string_view{} : rest.substr(colon + 1);
        }
    }
    if (const char* v = given("UNDERCOAT_CONFIG"); v && !seen.config)
        o.supervisor.insert(o.supervisor.end(), {"--config", v});
    if (const char* v = given("UNDERCOAT_ALERTS"); v && !seen.alerts)
        o.supervisor.insert(o.supervisor.end(), {"--alerts", v});
    if (const char* v = given("UNDERCOAT_FORMAT"); v && !seen.format) {
        bool json = false;
        Status s = choose(kFormats, "UNDERCOAT_FORMAT", v, json);
        if (s) o.supervisor.insert(o.supervisor.end(), {"--format", v});
        note(std::move(s));
    }
    if (const char* v = given("UNDERCOAT_EVENTS"); v && !seen.events)
        o.supervisor.insert(o.supervisor.end(), {"--events", v});
}

}  // namespace

Result<Options> parse_options(int argc, const char* const* argv, const GetEnv& env) {
    Options o;
    Seen seen;
    int i = 1;
    for (; i < argc; ++i) {
        std::string_view arg = argv[i];
        if (arg == "--") {
            ++i;
            break;
        }
        if (arg == "-h") arg = "--help";
        if (arg.empty() || arg[0] != '-' || arg == "-") break;
        if (!arg.starts_with("--")) return Error{"Unknown option '" + std::string(arg) + "'; see instrument --help."};
        const size_t eq = arg.find('=');
        const std::string name(arg.substr(2, eq == arg.npos ? arg.npos : eq - 2));
        const int wants = takes_value(name);
        if (wants < 0) return Error{"Unknown option '--" + name + "'; see instrument --help."};
        if (wants == 0 && eq != arg.npos) return Error{"--" + name + " takes no value, '" + std::string(arg) + "' was given."};
        if (wants == 1 && eq == arg.npos && i + 1 >= argc) return Error{"--" + name + " needs a value."};
        Status s = wants == 0          ? apply_flag(o, seen, name)
                   : eq != arg.npos    ? apply(o, seen, name, std::string(arg.substr(eq + 1)))
                                       : apply(o, seen, name, argv[++i]);
        if (!s) return Error{s.error()};
    }
    o.command.assign(argv + i, argv + argc);
    from_environment(o, seen, env);
    if (o.no_filter && (o.mode == Mode::full || o.mode == Mode::trap))
        return Error{"--no-filter goes with --mode auto or preload only; full and trap need the filter."};
    if (o.command.empty() && o.beside < 0 && !o.help && !o.version) return Error{"No command was given; see instrument --help."};
    return o;
}

}  // namespace undercoat::instrument
