// See launch.h. The listener goes to the parent by SCM_RIGHTS: sendmsg is never trapped.
#include "supervisor/instrument/launch.h"

#include <cerrno>
#include <cstring>
#include <string_view>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "supervisor/instrument/control.h"
#include "supervisor/instrument/fds.h"
#include "supervisor/instrument/log.h"
#include "wire/local/handover.h"

namespace undercoat::instrument {
namespace {

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> v;
    for (std::string& s : strings) v.push_back(s.data());
    v.push_back(nullptr);
    return v;
}

[[noreturn]] void exec_workload(const LaunchPlan& plan, char* const* argv, char* const* envp) {
    execve(plan.path.c_str(), argv, envp);
    const int error = errno;
    if (error == ENOEXEC) {  // as execvp does: a script without a first line is one for the shell
        std::vector<char*> shell{const_cast<char*>("/bin/sh"), const_cast<char*>(plan.path.c_str())};
        for (char* const* a = argv + 1; argv[0] && *a; ++a) shell.push_back(*a);
        shell.push_back(nullptr);
        execve("/bin/sh", shell.data(), envp);
    }
    log_line(LogLevel::error, "%s: %s", plan.argv[0].c_str(), strerror(error));
    _exit(error == ENOENT || error == ENOTDIR ? 127 : 126);
}

// Runs in the child. The report goes to init: value is the errno, or the no_new_privs bit.
[[noreturn]] void become_workload(const LaunchPlan& plan, const SignalState& signals, int report) {
    prctl(PR_SET_DUMPABLE, 1);
    std::vector<std::string> argv_text = plan.argv;
    std::vector<std::string> full = with_additions(environ, plan.shim, "");
    std::vector<std::string> preload = with_additions(environ, plan.shim, plan.meet);
    std::vector<char*> argv = pointers(argv_text), env_full = pointers(full), env_preload = pointers(preload);
    const std::vector<sock_filter> program = plan.filter ? build_filter(plan.spec) : std::vector<sock_filter>();
    restore_fd_limit();
    give_back_signals(signals);
    Installed installed;
    if (plan.filter) {
        installed = install_filter(program);
        const bool up = installed.listener >= 0;
        send_control(report, {up ? ControlKind::listener : ControlKind::no_filter,
                              up ? static_cast<int32_t>(installed.no_new_privs) : installed.error}, installed.listener);
        if (up) close(installed.listener);
        else if (plan.filter_required) _exit(126);
    }
    close(report);
    exec_workload(plan, argv.data(), installed.listener >= 0 ? env_full.data() : env_preload.data());
}

}  // namespace

std::vector<std::string> with_additions(char* const* environment, const std::string& shim, const std::string& meet) {
    std::vector<std::string> out;
    bool appended = false;
    const std::string preload = std::string(wire::kEnvPreload) + "=";
    for (; environment && *environment; ++environment) {
        std::string entry = *environment;
        if (!shim.empty() && !appended && entry.starts_with(preload) && entry.size() > preload.size()) {
            entry += ":" + shim;
            appended = true;
        }
        out.push_back(std::move(entry));
    }
    if (shim.empty()) return out;
    if (!appended) out.push_back(preload + shim);
    if (!meet.empty()) out.push_back(std::string(wire::kEnvMeet) + "=" + meet);
    out.push_back(std::string(wire::kEnvAdded) + "=" + (appended ? "a" : "p") + (meet.empty() ? "" : "m"));
    return out;
}

Launched launch(const LaunchPlan& plan, const SignalState& signals) {
    Launched r;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return r;
    UniqueFd ours = move_high(UniqueFd(pair[0])), theirs = move_high(UniqueFd(pair[1]));
    r.pid = fork();
    if (r.pid == 0) become_workload(plan, signals, theirs.get());
    theirs.reset();
    if (r.pid < 0 || !plan.filter) return r;
    ControlMessage m;
    int fd = -1;
    if (receive_control(ours.get(), m, &fd, true) != 1) {
        r.filter_error = EIO;
        return r;
    }
    r.listener = move_high(UniqueFd(fd));
    if (m.kind == ControlKind::listener) r.no_new_privs = m.value != 0;
    else r.filter_error = m.value;
    return r;
}

}  // namespace undercoat::instrument
