// See agent.h.
#include "tests/unit/libshim/agent.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "base/descriptor_message.h"

namespace undercoat::test {
namespace {

[[noreturn]] void fail(const char* what) { throw std::runtime_error(std::string(what) + ": " + strerror(errno)); }

// The real filter's order and conditions, in the plainest form.
std::vector<sock_filter> filter() {
    std::vector<sock_filter> f;
    const auto load = [&](size_t offset) {
        f.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset)));
    };
    const auto unless = [&](uint32_t value, uint8_t skip) {
        f.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip));
    };
    const auto answer = [&](uint32_t action) { f.push_back(BPF_STMT(BPF_RET | BPF_K, action)); };
    for (const wire::CallInfo& c : wire::kCalls) {
        const bool conditional = c.when != wire::When::always && c.when != wire::When::dirfd;
        if (c.x86_64 < 0 || conditional || (c.tier != wire::Tier::gadget && c.tier != wire::Tier::trap)) continue;
        const bool gadget = c.tier == wire::Tier::gadget;
        load(offsetof(seccomp_data, nr));
        unless(static_cast<uint32_t>(c.x86_64), static_cast<uint8_t>(gadget ? 6 : 1));
        if (gadget) {
            load(offsetof(seccomp_data, instruction_pointer));
            unless(static_cast<uint32_t>(wire::kGadgetReturn), 3);
            load(offsetof(seccomp_data, instruction_pointer) + 4);
            unless(0, 1);
            answer(SECCOMP_RET_ALLOW);
        }
        answer(SECCOMP_RET_USER_NOTIF);
    }
    answer(SECCOMP_RET_ALLOW);
    return f;
}

void send_fd(int socket, int fd, const void* data, size_t n) {
    if (!send_with_descriptors(socket, data, n, &fd, 1) && errno != EPIPE) fail("sendmsg");
}

int receive_fd(int socket) {
    char byte;
    UniqueFd fd;
    receive_with_descriptor(socket, &byte, sizeof byte, fd);
    return fd.release();
}

// In the child before exec: confines itself and hands the listener to the parent (sendmsg is not in the filter).
void confine(int socket) {
    std::vector<sock_filter> f = filter();
    const sock_fprog program{static_cast<unsigned short>(f.size()), f.data()};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const int listener =
        static_cast<int>(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
    if (listener < 0) _exit(125);
    send_fd(socket, listener, "x", 1);
    close(listener);
    close(socket);
}

std::vector<char*> pointers(const std::vector<std::string>& v) {
    std::vector<char*> p;
    for (const std::string& s : v) p.push_back(const_cast<char*>(s.c_str()));
    p.push_back(nullptr);
    return p;
}

// Forks, runs argv with `socket` (-1: no filter), reads its output to the end.
Outcome run_child(const std::vector<std::string>& argv, const std::vector<std::string>& env, int socket,
                  int parent_socket, int* listener) {
    int out[2];
    if (pipe2(out, O_CLOEXEC)) fail("pipe2");
    const std::vector<char*> a = pointers(argv), e = pointers(env);
    const pid_t pid = fork();
    if (pid == 0) {
        dup2(out[1], 1);
        dup2(out[1], 2);
        if (socket >= 0) confine(socket);
        execve(a[0], a.data(), e.data());
        _exit(126);
    }
    close(out[1]);
    if (socket >= 0) {
        close(socket);
        *listener = receive_fd(parent_socket);
    }
    Outcome o;
    char buffer[4096];
    for (ssize_t n; (n = read(out[0], buffer, sizeof buffer)) > 0;) o.output.append(buffer, static_cast<size_t>(n));
    close(out[0]);
    if (waitpid(pid, &o.status, 0) != pid) fail("waitpid");
    return o;
}

Seen decode(const wire::RecordView& v, uint32_t ring) {
    const wire::RecordHeader& h = v.header();
    Seen s{v.kind(), h.call < wire::kCallCount ? wire::kCalls[h.call].name : "", ring, h.tid, h.flags, h.result, {},
           {}};
    v.each([&](const wire::Tlv& t) {
        if (t.tag == wire::Tag::args) {
            s.args.resize(t.size / 8);
            memcpy(s.args.data(), t.data, s.args.size() * 8);
        } else {
            s.pieces.emplace(t.tag, std::string(reinterpret_cast<const char*>(t.data), t.size));
        }
        return true;
    });
    return s;
}

}  // namespace

uint32_t Seen::seq() const {
    const std::string s = text(wire::Tag::seq);
    uint32_t v = 0;
    if (s.size() == sizeof v) memcpy(&v, s.data(), sizeof v);
    return v;
}

std::vector<Seen> of(const std::vector<Seen>& records, const std::string& call) {
    std::vector<Seen> r;
    for (const Seen& s : records)
        if (s.call == call && s.kind == wire::RecordKind::call) r.push_back(s);
    return r;
}

Outcome run_native(const std::vector<std::string>& argv, const std::vector<std::string>& environment) {
    return run_child(argv, environment, -1, -1, nullptr);
}

Agent::Agent(AgentOptions options) : options_(options) {
    char directory[] = "/tmp/undercoat-shim-XXXXXX";
    if (!mkdtemp(directory)) fail("mkdtemp");
    directory_ = directory;
    if (!options_.full) {
        meeting_ = directory_ + "/meet";
        socket_ = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        sockaddr_un a{};
        a.sun_family = AF_UNIX;
        strcpy(a.sun_path, meeting_.c_str());
        if (bind(socket_, reinterpret_cast<sockaddr*>(&a), sizeof a) || listen(socket_, 64)) fail("bind");
    }
    thread_ = std::thread([this] { serve(); });
}

Agent::~Agent() {
    __atomic_store_n(&stop_, true, __ATOMIC_RELAXED);
    thread_.join();
    if (socket_ >= 0) close(socket_);
    if (listener_ >= 0) close(listener_);
    for (const OneRing& r : rings_) {
        munmap(r.ring.control, wire::kControlSize + size_t{r.ring.granules} * wire::kGranule);
        close(r.fd);
    }
    if (!meeting_.empty()) unlink(meeting_.c_str());
    rmdir(directory_.c_str());
}

Outcome Agent::run(const std::vector<std::string>& argv, const std::vector<std::string>& environment) {
    std::vector<std::string> env = environment;
    env.push_back(std::string("LD_PRELOAD=") + UC_SHIM);
    env.push_back(options_.full ? "UNDERCOAT_ADDED=p" : "UNDERCOAT_ADDED=pm");
    if (!options_.full) env.push_back("UNDERCOAT_MEET=" + meeting_);
    if (!options_.full) {
        const Outcome o = run_child(argv, env, -1, -1, nullptr);
        drain_all(true);
        return o;
    }
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) fail("socketpair");
    const Outcome o = run_child(argv, env, pair[1], pair[0], &listener_);
    close(pair[0]);
    drain_all(true);
    return o;
}

int Agent::new_ring() {
    const size_t size = wire::kControlSize + size_t{options_.granules} * wire::kGranule;
    const int fd = memfd_create("ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, static_cast<off_t>(size)) || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW)) fail("memfd");
    auto* p = static_cast<uint8_t*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    if (p == MAP_FAILED) fail("mmap");
    auto* control = reinterpret_cast<wire::RingControl*>(p);
    control->magic = wire::kRingMagic;
    control->abi = wire::kAbi;
    control->granules = options_.granules;
    control->mode = static_cast<uint32_t>(options_.full ? wire::CaptureMode::full : wire::CaptureMode::preload);
    memset(control->wanted, 0xff, sizeof control->wanted);
    if (options_.want_results) memset(control->want_result, 0xff, sizeof control->want_result);
    control->names_wanted = 1;
    control->agent_pids[0] = getpid();
    const wire::Ring ring{control, p + wire::kControlSize, options_.granules};
    const std::lock_guard lock(mutex_);
    control->ring_id = static_cast<uint32_t>(rings_.size() + 1);
    rings_.push_back({ring, wire::RingReader(ring, 0), fd});
    return fd;
}

void Agent::drain_all(bool at_end) {
    const std::lock_guard lock(mutex_);
    static thread_local std::vector<uint8_t> copy(wire::kMaxRecord);
    for (size_t i = 0; i < rings_.size(); i++) {
        wire::RingReader& reader = rings_[i].reader;
        size_t size = 0;
        for (;;) {
            const wire::ReadStatus status = reader.next(copy.data(), &size, at_end);
            if (status == wire::ReadStatus::skipped) continue;  // a writer that was jumped out of
            if (status != wire::ReadStatus::record) break;
            const wire::RecordView v(copy.data(), size);
            if (!v.valid()) throw std::runtime_error("the shim wrote a malformed record");
            records_.push_back(decode(v, static_cast<uint32_t>(i + 1)));
        }
        reader.publish();
    }
}

void Agent::serve() {
    while (!__atomic_load_n(&stop_, __ATOMIC_RELAXED)) {
        const int listener = __atomic_load_n(&listener_, __ATOMIC_RELAXED);
        pollfd p{options_.full ? listener : socket_, POLLIN, 0};
        if (poll(&p, p.fd >= 0, 1) > 0 && p.revents & POLLIN) options_.full ? serve_listener() : serve_meeting();
        if (options_.drain) drain_all(false);
    }
}

void Agent::serve_meeting() {
    const int s = accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
    if (s < 0) return;
    wire::MeetRequest request{};
    if (recv(s, &request, sizeof request, 0) == sizeof request && request.magic == wire::kRingMagic &&
        !options_.refuse_rings) {
        const wire::MeetReply reply{wire::kRingMagic, wire::kAbi, 0, static_cast<uint32_t>(wire::CaptureMode::preload)};
        send_fd(s, new_ring(), &reply, sizeof reply);
    }
    close(s);
}

void Agent::serve_listener() {
    seccomp_notif n{};
    if (ioctl(listener_, SECCOMP_IOCTL_NOTIF_RECV, &n)) return;
    const uint16_t call = wire::call_by_nr(static_cast<uint64_t>(n.data.nr));
    if (n.data.nr == SYS_openat && static_cast<int32_t>(n.data.args[0]) == wire::kMagicDirfd &&
        n.data.args[1] == wire::kMagicPath) {
        if (options_.refuse_rings) {
            seccomp_notif_resp r{n.id, 0, -ENOMEM, 0};
            ioctl(listener_, SECCOMP_IOCTL_NOTIF_SEND, &r);
            return;
        }
        seccomp_notif_addfd a{n.id, SECCOMP_ADDFD_FLAG_SEND, static_cast<uint32_t>(new_ring()), 0, O_CLOEXEC};
        ioctl(listener_, SECCOMP_IOCTL_NOTIF_ADDFD, &a);
        return;
    }
    Trap t{wire::kCalls[call].name, n.pid, {}, 0};
    memcpy(t.args, n.data.args, sizeof t.args);
    if ((t.args[5] & wire::kSeqMask) == wire::kSeqMagic) t.seq = static_cast<uint32_t>(t.args[5]);
    {
        const std::lock_guard lock(mutex_);
        traps_.push_back(t);
    }
    seccomp_notif_resp r{n.id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE};
    ioctl(listener_, SECCOMP_IOCTL_NOTIF_SEND, &r);
}

std::vector<Seen> Agent::records() const {
    const std::lock_guard lock(mutex_);
    return records_;
}

std::vector<Trap> Agent::traps() const {
    const std::lock_guard lock(mutex_);
    return traps_;
}

size_t Agent::rings() const {
    const std::lock_guard lock(mutex_);
    return rings_.size();
}

uint64_t Agent::drops() const {
    const std::lock_guard lock(mutex_);
    uint64_t n = 0;
    for (const OneRing& r : rings_)
        for (const uint32_t& d : r.ring.control->drops) n += __atomic_load_n(&d, __ATOMIC_RELAXED);
    return n;
}

}  // namespace undercoat::test
