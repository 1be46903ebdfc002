// See beside.h.
#include "supervisor/instrument/beside.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/descriptor_message.h"
#include "supervisor/instrument/agent.h"
#include "supervisor/instrument/claim.h"
#include "supervisor/instrument/fds.h"
#include "supervisor/instrument/log.h"
#include "supervisor/instrument/meeting.h"
#include "supervisor/instrument/setup.h"
#include "wire/local/handover.h"

namespace undercoat::instrument {
namespace {

class Application {
public:
    explicit Application(UniqueFd channel) : channel_(std::move(channel)) {
        ucred who{};
        socklen_t n = sizeof who;
        if (getsockopt(channel_.get(), SOL_SOCKET, SO_PEERCRED, &who, &n) == 0) pid_ = who.pid;
    }
    pid_t pid() const { return pid_; }

    bool offer(wire::BesideKind kind, const std::string& meet = {}, const std::vector<sock_filter>& filter = {}) {
        wire::BesideOffer head{wire::kRingMagic, wire::kAbi, static_cast<uint32_t>(kind), static_cast<uint32_t>(filter.size()),
                               getpid(), {}};
        strncpy(head.meet, meet.c_str(), sizeof head.meet - 1);
        iovec parts[] = {{&head, sizeof head}, {const_cast<sock_filter*>(filter.data()), filter.size() * sizeof(sock_filter)}};
        msghdr m{};
        m.msg_iov = parts;
        m.msg_iovlen = 2;
        return sendmsg(channel_.get(), &m, MSG_NOSIGNAL) >= 0;
    }

    // Offers the filter and takes the listener.
    Launched confine(const FilterSpec& spec) {
        Launched r;
        r.pid = pid_;
        r.filter_error = EIO;
        wire::BesideReport report{};
        if (!offer(wire::BesideKind::filter, {}, build_filter(spec)) || !receive(report, r.listener)) return r;
        r.filter_error = r.listener ? 0 : report.error;
        r.no_new_privs = r.listener && report.no_new_privs;
        if (r.listener) r.held_by = TrapKind::notify;
        return r;
    }

private:
    bool receive(wire::BesideReport& report, UniqueFd& listener) {
        UniqueFd got;
        const ssize_t n = receive_with_descriptor(channel_.get(), &report, sizeof report, got);
        listener = move_high(std::move(got));
        return n == sizeof report;
    }

    UniqueFd channel_;
    pid_t pid_ = 0;
};

// Without a listener nobody else notices the end of the application.
int await_end(Agent& agent, pid_t application) {
    if (const UniqueFd end(static_cast<int>(syscall(SYS_pidfd_open, application, 0))); end) {
        pollfd p{end.get(), POLLIN, 0};
        while (poll(&p, 1, -1) < 0 && errno == EINTR) {}
    }
    agent.finish(true);
    return 0;
}

// Keeps the trap process alive until it has seen the end of all that is held.
int guard_agent(Agent& agent) {
    pid_t trap = agent.pid();
    for (int status = 0; trap > 0; trap = agent.replace()) {
        pid_t ended;
        do {
            ended = waitpid(trap, &status, WUNTRACED);
            if (ended == trap && WIFSTOPPED(status)) kill(trap, SIGCONT);
        } while (ended < 0 ? errno == EINTR : WIFSTOPPED(status));
        if (ended < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) return 0;
    }
    return kNotStarted;
}

// What a holder that has died wrote may still be there for a moment: whoever is sent on is sent to somebody who answers.
Claim claim_container() {
    constexpr timespec kBetween{0, 5'000'000};
    Claim claim = Claim::take();
    for (int i = 0; i < 200 && !claim.ours() && !claim.meet().empty() && !MeetingPlace::served(claim.meet()); ++i) {
        nanosleep(&kBetween, nullptr);
        claim = Claim::take();
    }
    return claim;
}

int give_up(Application& application, bool refuse) {
    application.offer(refuse ? wire::BesideKind::refuse : wire::BesideKind::meet);
    return kNotStarted;
}

}  // namespace

int run_beside(const Options& o) {
    take_signals();
    prepare_fds();
    Application application(move_high(UniqueFd(o.beside)));
    if (application.pid() <= 0) {
        log_line(LogLevel::error, "--beside is for the library alone: descriptor %d is no socket of it", o.beside);
        return kNotStarted;
    }
    const auto& words = o.supervisor;
    drop_inherited(true, std::find(words.begin(), words.end(), "stdout") == words.end());
    prctl(PR_SET_DUMPABLE, 0);
    Claim claim = claim_container();
    if (!claim.ours()) return application.offer(wire::BesideKind::meet, claim.meet()) ? 0 : kNotStarted;
    const Bundle bundle = find_bundle();
    note_missing(o, bundle);
    LaunchPlan plan = plan_launch(o, bundle, {});
    Agent agent({bundle.supervisor, o.supervisor, plan.shim, capture_mode(plan), getpid(), getppid(), nullptr, o.protection});
    if (Status s = agent.start(); !s) {
        log_line(LogLevel::error, "%s The workload runs unseen.", s.error().c_str());
        return give_up(application, o.hold_until_ready);
    }
    if (o.hold_until_ready && (bundle.supervisor.empty() || !agent.wait_ready())) {
        log_line(LogLevel::error, "UNDERCOAT_PRIORITY=security: without rules the workload is not started");
        return give_up(application, true);
    }
    lower_oom_risk();
    claim.serve(agent.meet());
    plan.spec.protected_pids = {getpid(), agent.pid(), getppid()};
    Launched launched;
    launched.pid = application.pid();
    if (plan.filter) launched = application.confine(plan.spec);
    say_mode(launched, plan);
    if (!launched.listener && plan.filter_required) return give_up(application, true);
    const bool held = static_cast<bool>(launched.listener);
    agent.serve(std::move(launched.listener), launched.pid);
    application.offer(held ? wire::BesideKind::go : wire::BesideKind::meet, agent.meet());
    return held ? guard_agent(agent) : await_end(agent, launched.pid);
}

}  // namespace undercoat::instrument
