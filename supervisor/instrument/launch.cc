// See launch.h. The listener goes to the parent by SCM_RIGHTS: sendmsg is never trapped.
#include "supervisor/instrument/launch.h"

#include <cerrno>
#include <cstring>
#include <linux/seccomp.h>
#include <string_view>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "supervisor/instrument/control.h"
#include "supervisor/instrument/fds.h"
#include "supervisor/instrument/resource_limits.h"
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
    give_back_limits();
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

// Whether this process may install a filter: without a program, the kernel gets as far as reading it.
bool filters_permitted() { return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, nullptr) < 0 && errno == EFAULT; }

void tell(int report, ControlKind kind, int32_t value, int fd = -1) { send_control(report, {kind, value}, fd); }

// 0: a listener serves us from now on; else why not.
int be_notified(const LaunchPlan& plan, int report) {
    const Installed installed = install_filter(build_filter(plan.spec));
    if (!installed.there) return installed.error;
    tell(report, ControlKind::listener, installed.no_new_privs, installed.listener);
    close(installed.listener);
    return 0;
}

// The same for a tracer. It must be there before the filter is.
int be_traced(const LaunchPlan& plan, int report) {
    const bool every_call = plan.trap == TrapKind::ptrace_all || (plan.trap == TrapKind::automatic && !filters_permitted());
    prctl(PR_SET_PTRACER, plan.tracer, 0, 0, 0);  // for Yama; fails without
    tell(report, ControlKind::wants_tracer, every_call);
    ControlMessage reply{};
    int none = -1;
    if (receive_control(report, reply, &none, true) != 1) return EIO;
    if (reply.value != 0) return reply.value;
    Installed installed;
    if (!every_call) {
        FilterSpec spec = plan.spec;
        spec.action = TrapAction::trace;
        installed = install_filter(build_filter(spec), TrapAction::trace);
        if (!installed.there) return installed.error;
    }
    tell(report, ControlKind::traced, installed.no_new_privs);
    return 0;
}

// Runs in the child. Reports to init how its calls are held, or why they are not.
bool be_held(const LaunchPlan& plan, int report) {
    const bool notify = plan.trap == TrapKind::automatic || plan.trap == TrapKind::notify;
    int error = notify ? be_notified(plan, report) : ENOSYS;
    if (notify && error == 0) return true;
    if (plan.trap != TrapKind::notify) error = be_traced(plan, report);
    if (error == 0) return true;
    tell(report, ControlKind::no_filter, error);
    return false;
}

[[noreturn]] void become_workload(const LaunchPlan& plan, const SignalState& signals, int report) {
    prctl(PR_SET_DUMPABLE, 1);
    std::vector<std::string> argv_text = plan.argv;
    std::vector<std::string> full = with_additions(environ, plan.shim, "");
    std::vector<std::string> preload = with_additions(environ, plan.shim, plan.meet);
    std::vector<char*> argv = pointers(argv_text), env_full = pointers(full), env_preload = pointers(preload);
    restore_fd_limit();
    give_back_signals(signals);
    const bool held = plan.filter && be_held(plan, report);
    if (plan.filter && !held && plan.filter_required) _exit(126);
    close(report);
    exec_workload(plan, argv.data(), held ? env_full.data() : env_preload.data());
}

// Takes the child's reports until it says how it is held.
void settle(const LaunchPlan& plan, int child, Launched& r) {
    ControlMessage m{};
    for (int fd = -1; receive_control(child, m, &fd, true) == 1;) {
        switch (m.kind) {
            case ControlKind::wants_tracer: {
                const bool every_call = m.value != 0;
                const int error = plan.trace ? plan.trace(r.pid, every_call) : ENOSYS;
                r.held_by = every_call ? TrapKind::ptrace_all : TrapKind::ptrace;
                send_control(child, {ControlKind::seized, error});
                break;
            }
            case ControlKind::listener: r.held_by = TrapKind::notify; [[fallthrough]];
            case ControlKind::traced:
                r.listener = move_high(UniqueFd(fd));
                r.no_new_privs = m.value != 0;
                return;
            default:
                r.held_by = TrapKind::automatic;
                r.filter_error = m.value;
                return;
        }
    }
    r.held_by = TrapKind::automatic;
    r.filter_error = EIO;
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
    settle(plan, ours.get(), r);
    return r;
}

}  // namespace undercoat::instrument
