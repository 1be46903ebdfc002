// See steward.h.
#include "supervisor/instrument/steward.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <memory>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <utility>

#include "supervisor/instrument/control.h"
#include "supervisor/instrument/fds.h"
#include "supervisor/instrument/image_word.h"
#include "supervisor/instrument/log.h"
#include "supervisor/instrument/meeting.h"
#include "supervisor/instrument/notify.h"
#include "supervisor/instrument/supervisor_child.h"
#include "supervisor/instrument/tracer/delays.h"
#include "supervisor/instrument/tracer/start.h"
#include "supervisor/instrument/trap_loop.h"

namespace undercoat::instrument {

namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kDrainLimit = 10'000 * kMs;
constexpr uint64_t kEndLimit = wire::kEndSeconds * 1'000 * kMs;

// What an epoll event is about: a pid (a death), one of these, or one of them plus a descriptor.
enum Source : uint64_t {
    from_control = 1ULL << 32, from_supervisor = 2ULL << 32, from_listener = 3ULL << 32, from_meeting = 4ULL << 32,
    from_newborns = 5ULL << 32, from_mounts = 6ULL << 32, from_ending = 7ULL << 32, from_word = 8ULL << 32, from_peer = 9ULL << 32
};
constexpr size_t kMaxPeers = 256;

// Ends that waited for what a trap process that has died was to write out.
void release_ending(TrapBackend& backend, HandOver& held) {
    for (uint64_t& id : held.ending)
        if (id != 0) backend.proceed(std::exchange(id, 0));
}

Agents agents_of(const StewardSettings& s) {
    Agents a;
    a.init = s.init_pid;
    a.trap = getpid();
    a.helper = s.helper_pid;
    a.witness = s.witness_pid;
    a.deny = s.protection.deny;
    a.deny_uring = s.protection.deny_uring;
    return a;
}

class Steward {
public:
    Steward(Shared& shared, UniqueFd control, const StewardSettings& settings, bool again)
        : shared_(shared), control_(std::move(control)), settings_(settings), again_(again), registrar_(shared, settings.mode, settings.vault),
          supervisor_(shared, registrar_, settings.supervisor, settings.arguments, *settings.hand_over),
          epoll_(move_high(UniqueFd(epoll_create1(EPOLL_CLOEXEC)))),
          newborns_(move_high(UniqueFd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)))), trap_ring_(shared.trap.ring, *shared.registry),
          handler_(table_, trap_ring_, registrar_, *shared.registry, agents_of(settings), epoll_.get(),
                   newborns_.get(), settings.shim) {
        handler_.keep_in(*settings.hand_over);
    }

    int run(Inheritance left) {
        wire::Registry& r = *shared_.registry;
        r.instrument_pid = getpid();
        r.mode = static_cast<uint32_t>(settings_.mode);
        shared_.trap.ring.control->agent_pids[0] = getpid();
        watch(control_.get(), EPOLLIN, from_control);
        watch(newborns_.get(), EPOLLIN, from_newborns);
        if (again_) go_on(std::move(left));
        start_supervisor();
        ControlMessage up{ControlKind::up};
        char* const known = settings_.hand_over->meeting;
        if (meeting_.open(again_ ? known : "")) {
            watch(meeting_.socket(), EPOLLIN, from_meeting);
            if (words_.open(meeting_.path())) watch(words_.descriptor(), EPOLLIN, from_word);
            memcpy(up.text, meeting_.path().c_str(), meeting_.path().size() + 1);
            memcpy(known, up.text, sizeof up.text);
        }
        send_control(control_.get(), up);
        if (again_) handler_.take_up();
        while (!finished_) turn();
        stop_supervisor();
        leave();
        let_workload_end();
        if (init_waits_) send_control(control_.get(), {ControlKind::drained, 1});
        return 0;
    }

private:
    // Held calls first: they have waited since the other's death.
    void go_on(Inheritance left) {
        registrar_.restore(std::move(left.kept));
        handler_.go_on();
        if (left.listener) serve(std::move(left.listener), left.workload);
        supervisor_.retire_left();
    }

    void leave() {
        words_.close();
        meeting_.close();
    }

    void hear_words() {
        words_.receive({[this](pid_t pid, const ToldImage& image) { handler_.image_told(pid, image); },
                        [this](pid_t pid, pid_t ppid, const uint8_t* record, size_t n) { handler_.record_told(pid, ppid, record, n); }});
    }

    // Nobody is left of those who met us without being held: they are all that is still known.
    bool nobody_met() {
        auto guard = table_.lock();
        return table_.empty();
    }

    void watch(int fd, uint32_t events, uint64_t tag) {
        epoll_event e{events, {.u64 = tag}};
        if (fd >= 0) epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &e);
    }

    void start_supervisor() {
        if (!supervisor_.start_if_due(monotonic_ns())) return;
        watch(supervisor_.socket(), EPOLLIN, from_supervisor);
        watch(supervisor_.pidfd(), EPOLLIN, from_supervisor);
    }

    void turn() {
        epoll_event events[64];
        int wait = supervisor_.wait_ms(monotonic_ns());
        if (wait < 0 || wait > 1000) wait = 1000;
        if (init_waits_ || workload_waits_) wait = 5;
        const int n = epoll_wait(epoll_.get(), events, 64, wait);
        ++shared_.registry->instrument_beat;
        for (int i = 0; i < n; ++i) {
            const uint64_t tag = events[i].data.u64;
            if (tag == from_control) control_arrived();
            else if (tag == from_supervisor) supervisor_arrived();
            else if (tag == from_listener) listener_closed();
            else if (tag == from_meeting) peer_came();
            else if (tag == from_newborns) newborns_due();
            else if (tag == from_mounts) mounts_changed();
            else if (tag == from_ending) workload_ends();
            else if (tag == from_word) hear_words();
            else if (tag >= from_peer) peer_asks(static_cast<int>(tag - from_peer));
            else died(static_cast<pid_t>(tag));
        }
        start_supervisor();
        registrar_.sweep();
        if (workload_waits_ && !finished_ && caught_up()) {
            handler_.let_end(*backend_);
            workload_waits_ = false;
        }
        if (listener_closed_ && settings_.helper_pid != 0 && nobody_met()) finished_ = true;
        if (init_waits_ && !finished_ && caught_up()) {
            send_control(control_.get(), {ControlKind::drained});
            init_waits_ = false;
        }
    }

    // What it has said comes before its end.
    void died(pid_t pid) {
        hear_words();
        handler_.process_died(pid);
    }

    void newborns_due() {
        hear_words();
        uint64_t expired = 0;
        if (read(newborns_.get(), &expired, sizeof expired) == sizeof expired) handler_.look_after_newborns();
    }

    void supervisor_arrived() {
        if (supervisor_.attend(monotonic_ns())) send_control(control_.get(), {ControlKind::ready});
    }

    void control_arrived() {
        ControlMessage m;
        int fd = -1;
        const int got = receive_control(control_.get(), m, &fd, false);
        if (got < 0) return;
        if (got == 0) {
            // Init is gone: nobody waits; the traps of what is left are still to be served, and its end ends us.
            ended_ = true;
            epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, control_.get(), nullptr);
            if (!backend_ || nobody_left()) finished_ = true;
            return;
        }
        if (m.kind == ControlKind::listener && fd >= 0) serve(UniqueFd(fd), m.value);
        else if (m.kind == ControlKind::trace) send_control(control_.get(), {ControlKind::seized, trace(m.value, m.text[0] != 0)});
        else if (m.kind == ControlKind::no_filter) shared_.registry->workload_pid = static_cast<uint32_t>(m.value);
        else if (m.kind == ControlKind::ended) ended(m.value != 0);
        else if (fd >= 0) close(fd);
    }

    void serve(UniqueFd listener, pid_t workload) {
        auto backend = std::make_unique<NotifyBackend>(move_high(std::move(listener)));
        release_ending(*backend, *settings_.hand_over);
        supervisor_.set_listener(backend->listener());
        reserve_fds();
        serve_by(std::move(backend), workload);
    }

    // Becomes the tracer of the workload's first process, and so of all that come of it. 0, or an errno.
    int trace(pid_t workload, bool every_call) {
        reserve_fds();
        auto backend = start_tracer(handler_, {settings_.mode == wire::CaptureMode::full, settings_.init_pid, every_call});
        const int error = backend ? backend->seize({workload}) : EAGAIN;
        if (error != 0) return error;
        tracer_ = backend.get();
        mounts_.reset(open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
        watch(mounts_.get(), EPOLLPRI | EPOLLET, from_mounts);
        serve_by(std::move(backend), workload);
        return 0;
    }

    // Somebody outside of the workload mounts, too.
    void mounts_changed() {
        if (slow_mounts_here()) tracer_->leave_to_receivers();
    }

    void serve_by(std::unique_ptr<TrapBackend> backend, pid_t workload) {
        shared_.registry->workload_pid = static_cast<uint32_t>(workload);
        shared_.registry->origin = static_cast<uint32_t>(backend->origin());
        backend_ = std::move(backend);
        handler_.use(*backend_);
        if (settings_.helper_pid != 0) stand_beside(workload);
        loop_ = std::make_unique<TrapLoop>(*backend_, handler_, *shared_.registry, *settings_.hand_over);
        if (!loop_->start()) log_line(LogLevel::error, "no trap thread could be started");
        watch(backend_->end_fd(), 0, from_listener);
    }

    // The workload's first process is not our child: nobody waits for us when it ends, so its end waits until everything is
    // written out. Nobody has seen its execution.
    void stand_beside(pid_t workload) {
        ending_ = move_high(UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)));
        watch(ending_.get(), EPOLLIN, from_ending);
        if (!again_) handler_.note_entered(workload);
        if (ending_) handler_.hold_end_of(workload, ending_.get());
    }

    void workload_ends() {
        uint64_t n = 0;
        if (read(ending_.get(), &n, sizeof n) != sizeof n || workload_waits_) return;
        drain_to_ = __atomic_load_n(&shared_.trap.ring.control->head, __ATOMIC_ACQUIRE);
        drain_until_ = monotonic_ns() + kEndLimit;
        ended_ = workload_waits_ = true;
        // With PID 1 the kernel ends us, too.
        if (shared_.registry->workload_pid == 1) finished_ = true;
    }

    // Whoever still lives goes on until the kernel or the last of them ends us.
    void let_workload_end() {
        if (!workload_waits_) return;
        handler_.let_end(*backend_);
        pollfd p{backend_->end_fd(), 0, 0};
        poll(&p, 1, 5000);
    }

    // A process that no filter sees asks for a ring, over the meeting place.
    void peer_came() {
        pid_t pid = 0;
        UniqueFd peer = meeting_.accept(&pid);
        if (!peer || peers_.size() >= kMaxPeers) return;
        const int fd = peer.get();
        watch(fd, EPOLLIN, from_peer + static_cast<uint64_t>(fd));
        peers_[fd] = {std::move(peer), pid};
    }

    void peer_asks(int fd) {
        const auto at = peers_.find(fd);
        if (at == peers_.end()) return;
        hear_words();  // its own came before it asked
        MeetingPlace::answer(fd, at->second.pid, static_cast<uint32_t>(settings_.mode),
                             [this](pid_t pid, wire::MeetKind what) {
                                 if (what == wire::MeetKind::end) return ends_unheld(pid);
                                 return handler_.enlist(pid, what);
                             });
        if (!finished_) peers_.erase(at);
    }

    // It hears of the end of everything by that of the connection.
    int ends_unheld(pid_t pid) {
        if (backend_ || settings_.helper_pid == 0 || pid != static_cast<pid_t>(shared_.registry->workload_pid)) return -EPERM;
        finished_ = true;
        return MeetingPlace::kLater;
    }

    bool nobody_left() const {
        pollfd p{backend_->end_fd(), 0, 0};
        return poll(&p, 1, 0) == 1 && p.revents & POLLHUP;
    }

    void listener_closed() {
        epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, backend_->end_fd(), nullptr);
        listener_closed_ = true;
        if (ended_ && settings_.helper_pid == 0) finished_ = true;
    }

    // The workload's first process has ended. `everything`: so will all others, by the kernel.
    void ended(bool everything) {
        ended_ = true;
        init_waits_ = true;
        if (everything || !backend_ || listener_closed_ || nobody_left()) finished_ = true;
        else {
            drain_to_ = __atomic_load_n(&shared_.trap.ring.control->head, __ATOMIC_ACQUIRE);
            drain_until_ = monotonic_ns() + kDrainLimit;
        }
    }

    bool caught_up() const {
        return !supervisor_.present() || monotonic_ns() > drain_until_ ||
               __atomic_load_n(&shared_.registry->slots[0].tail, __ATOMIC_ACQUIRE) >= drain_to_;
    }

    void stop_supervisor() {
        // Words that were sent and deaths that the kernel has reported already belong to the story.
        hear_words();
        handler_.look_after_newborns();
        epoll_event events[64];
        int n;
        while ((n = epoll_wait(epoll_.get(), events, 64, 0)) > 0) {
            bool any = false;
            for (int i = 0; i < n; ++i)
                if (events[i].data.u64 < from_control) {
                    handler_.process_died(static_cast<pid_t>(events[i].data.u64));
                    any = true;
                }
            if (!any) break;
        }
        registrar_.sweep();
        supervisor_.tell_stop();
        const uint64_t until = monotonic_ns() + (workload_waits_ ? kEndLimit : kDrainLimit);
        while (!supervisor_.finished() && monotonic_ns() < until) {
            supervisor_.start_if_due(monotonic_ns());
            pollfd p{supervisor_.pidfd(), POLLIN, 0};
            poll(&p, 1, 100);
            supervisor_.attend(monotonic_ns());
            registrar_.sweep();
        }
        if (!supervisor_.finished()) {
            log_line(LogLevel::warning, "the supervisor did not finish within 10 s; events may be lost");
            supervisor_.kill();
        }
    }

    Shared& shared_;
    UniqueFd control_;
    const StewardSettings& settings_;
    bool again_;
    Registrar registrar_;
    SupervisorChild supervisor_;
    UniqueFd epoll_, newborns_;
    TrapRing trap_ring_;
    ProcessTable table_;
    MeetingPlace meeting_;
    WordSocket words_;
    struct Peer {
        UniqueFd fd;
        pid_t pid = 0;
    };
    std::map<int, Peer> peers_;
    std::unique_ptr<TrapBackend> backend_;
    PtraceBackend* tracer_ = nullptr;
    UniqueFd mounts_;
    Handler handler_;
    std::unique_ptr<TrapLoop> loop_;
    UniqueFd ending_;
    bool finished_ = false, ended_ = false, init_waits_ = false, workload_waits_ = false, listener_closed_ = false;
    uint64_t drain_to_ = 0, drain_until_ = 0;
};

}  // namespace

int run_steward(Shared& shared, UniqueFd control, const StewardSettings& settings, Inheritance left) {
    setsid();
    prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_NAME, "undercoat");
    // Whoever asked for output on stdout shares it with the workload; nobody else keeps its reader waiting.
    const auto& words = settings.arguments;
    drop_inherited(true, std::find(words.begin(), words.end(), "stdout") == words.end());
    // On the heap and never freed: receiver threads may still be inside when the process ends.
    auto* steward = new Steward(shared, std::move(control), settings, left.again);
    return steward->run(std::move(left));
}

}  // namespace undercoat::instrument
