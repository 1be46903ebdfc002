// instrument: runs a workload and sees what it does.
//
// The order, after which the earlier can no longer change: options; signals taken; descriptors prepared; command found;
// shared memory made; the trap process forked; the workload forked, filtered, its listener passed on; init duties until the
// end. Must stay true: init (this process) is single-threaded and touches nothing that the workload can hold up.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "supervisor/instrument/agent.h"
#include "supervisor/instrument/beside.h"
#include "supervisor/instrument/bundle.h"
#include "supervisor/instrument/fault.h"
#include "supervisor/instrument/fds.h"
#include "supervisor/instrument/init.h"
#include "supervisor/instrument/launch.h"
#include "supervisor/instrument/resource_limits.h"
#include "supervisor/instrument/log.h"
#include "supervisor/instrument/options.h"
#include "supervisor/instrument/setup.h"
#include "wire/local/handover.h"

namespace undercoat::instrument {
namespace {

constexpr int kMisuse = 2;

// Inside another instrument's filter its trap answers the magic call; natively the kernel says EFAULT.
bool inside_another() {
    const long r = syscall(SYS_openat, wire::kMagicDirfd, wire::kMagicPath, wire::kMagicFlags, ~wire::kAbi);
    if (r >= 0) close(static_cast<int>(r));
    return r >= 0 || errno != EFAULT || (getenv(wire::kEnvMeet) && getenv(wire::kEnvAdded));
}

[[noreturn]] void exec_only(const Options& o, const std::string& path) {
    std::vector<char*> argv;
    for (const std::string& a : o.command) argv.push_back(const_cast<char*>(a.c_str()));
    argv.push_back(nullptr);
    execv(path.c_str(), argv.data());
    log_line(LogLevel::error, "%s: %s", path.c_str(), strerror(errno));
    _exit(errno == ENOENT ? 127 : 126);
}

// From here on we are the workload's init.
[[noreturn]] void be_init(Agent& agent, Witness& witness, pid_t workload, bool output) {
    drop_inherited(getpid() != 1, getpid() != 1 && !output);
    // As PID 1 we stay open to looks, as the workload would be: /proc/1/fd/1 is how programs reach the container's log.
    if (getpid() != 1) prctl(PR_SET_DUMPABLE, 0);
    lower_oom_risk();
    const Ended ended = InitDuties(workload, agent.pid(), witness, [&agent] { return agent.replace(); }).run();
    agent.finish(getpid() == 1);
    end_like(ended.status);
}

int run(const Options& o) {
    const FoundCommand command = find_command(o.command[0], getenv("PATH"));
    if (command.status != 0) {
        log_line(LogLevel::error, "%s", command.why.c_str());
        return command.status;
    }
    if (inside_another()) exec_only(o, command.path);
    const SignalState signals = take_signals();
    lift_limits();
    prepare_fds();
    const Bundle bundle = find_bundle();
    note_missing(o, bundle);
    LaunchPlan plan = plan_launch(o, bundle, command.path);
    Witness witness;
    witness.start();
    StewardSettings settings{bundle.supervisor, o.supervisor, plan.shim, capture_mode(plan), getpid(), 0, nullptr};
    settings.protection = o.protection;
    settings.witness_pid = witness.pid();
    Agent agent(std::move(settings));
    if (Status s = agent.start(); !s) {
        log_line(LogLevel::error, "%s The workload runs unseen.", s.error().c_str());
        if (o.hold_until_ready) return kNotStarted;
        witness.stop();
        restore_fd_limit();
        give_back_signals(signals);
        give_back_limits();
        exec_only(o, command.path);
    }
    if (o.hold_until_ready && (bundle.supervisor.empty() || !agent.wait_ready())) {
        log_line(LogLevel::error, "UNDERCOAT_PRIORITY=security: without rules the workload is not started");
        return kNotStarted;
    }
    plan.spec.protected_pids = {getpid(), agent.pid()};
    if (witness.pid() != 0) plan.spec.protected_pids.push_back(witness.pid());
    plan.meet = agent.meet();
    plan.tracer = agent.pid();
    plan.trace = [&agent](pid_t pid, bool every_call) { return agent.trace(pid, every_call); };
    Launched launched = launch(plan, signals);
    if (launched.pid < 0) {
        log_line(LogLevel::error, "fork failed: %s", strerror(errno));
        return kNotStarted;
    }
    say_mode(launched, plan);
    agent.serve(std::move(launched.listener), launched.pid);
    be_init(agent, witness, launched.pid, std::find(o.supervisor.begin(), o.supervisor.end(), "stdout") != o.supervisor.end());
}

int start(int argc, char** argv) {
    auto options = parse_options(argc, argv, [](const char* name) { return static_cast<const char*>(getenv(name)); });
    if (!options) {
        log_line(LogLevel::error, "%s", options.error().c_str());
        return kMisuse;
    }
    if (options->help) return fputs(kHelp, stdout) < 0;
    if (options->version) return puts("instrument " UNDERCOAT_VERSION) < 0;
    set_log_level(options->log);
    for (const std::string& e : options->env_errors) log_line(LogLevel::error, "%s", e.c_str());
    if (!options->env_errors.empty() && options->hold_until_ready) return kMisuse;
    prepare_faults(getenv("UNDERCOAT_FAULT"));
    return options->beside >= 0 ? run_beside(*options) : run(*options);
}

}  // namespace
}  // namespace undercoat::instrument

int main(int argc, char** argv) { return undercoat::instrument::start(argc, argv); }
