// What the command line and the UNDERCOAT_* variables ask of instrument.
//
// Must stay true: a flag beats a variable; a wrong command line is an error (exit 2), a wrong variable is an error that
// stops the workload only when UNDERCOAT_PRIORITY=security; every error names what was given and what is allowed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "supervisor/instrument/log.h"
#include "supervisor/instrument/protection.h"

namespace undercoat::instrument {

enum class Mode { automatic, full, preload, trap };
enum class TrapKind { automatic, notify, ptrace, ptrace_all };

struct Options {
    Mode mode = Mode::automatic;
    TrapKind trap = TrapKind::automatic;
    bool no_filter = false;
    bool hold_until_ready = false;  // UNDERCOAT_PRIORITY=security
    LogLevel log = LogLevel::info;
    Protection protection{};
    int beside = -1;  // descriptor of the shim that started us (handover.h, 4.); then there is no command
    bool help = false;
    bool version = false;
    std::vector<std::string> supervisor;  // arguments passed on to the supervisor
    std::vector<std::string> command;     // the workload
    std::vector<std::string> env_errors;  // bad values of variables, one sentence each
};

using GetEnv = std::function<const char*(const char*)>;

Result<Options> parse_options(int argc, const char* const* argv, const GetEnv& env);
// The text of --help; ends with a newline.
extern const char* const kHelp;

}  // namespace undercoat::instrument
