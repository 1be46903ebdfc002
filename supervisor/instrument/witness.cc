// See witness.h. The kernel signals the members of a group from the youngest to the oldest, so that the witness, younger than init, has a
// group's signal before init has. Whoever signals process by process mostly begins with the oldest: for the signals that
// end services init waits a moment.
#include "supervisor/instrument/witness.h"

#include <ctime>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/instrument/target.h"

namespace undercoat::instrument {
namespace {

constexpr uint64_t kMs = 1'000'000;
// Of one sending; older notes are of another.
constexpr uint64_t kTogether = 500 * kMs;
constexpr uint64_t kMost = 200 * kMs;  // while it has not come to the processor
constexpr uint64_t kOneByOne = kMs;

uint64_t monotonic() {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
}

bool ends_services(int signal) { return signal == SIGTERM || signal == SIGINT || signal == SIGHUP || signal == SIGQUIT; }

}  // namespace

void Witness::start() {
    void* shared = mmap(nullptr, sizeof(Note) * NSIG, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return;
    notes_ = static_cast<Note*>(shared);
    const pid_t init = getpid();
    const pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != init) _exit(0);
        watch();
    }
    pid_ = pid > 0 ? pid : 0;
}

void Witness::stop() {
    if (pid_ == 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
}

void Witness::watch() {
    // Whoever signals programs by our name means init.
    prctl(PR_SET_NAME, "witness");
    prctl(PR_SET_DUMPABLE, 0);
    syscall(SYS_close_range, 0, ~0U, 0);
    if (chdir("/") != 0) _exit(0);
    sigset_t all;
    sigfillset(&all);
    for (;;) {
        siginfo_t info{};
        const int signal = sigwaitinfo(&all, &info);
        if (signal <= 0 || signal >= NSIG) continue;
        __atomic_store_n(&notes_[signal].sender, info.si_pid, __ATOMIC_RELAXED);
        __atomic_store_n(&notes_[signal].time, monotonic(), __ATOMIC_RELAXED);
        __atomic_fetch_add(&notes_[signal].count, 1, __ATOMIC_RELEASE);
    }
}

// A signal wakes it: while it sleeps it has noted all it got.
bool Witness::settled() const {
    Stat s;
    return !read_stat(pid_, s) || s.state == 'S' || s.state == 'Z';
}

bool Witness::shares(const siginfo_t& info) {
    const int signal = info.si_signo;
    if (pid_ == 0 || signal <= 0 || signal >= NSIG || info.si_code == SI_KERNEL) return false;
    const uint64_t began = monotonic(), least = ends_services(signal) ? kOneByOne : 0;
    for (;;) {
        const bool asleep = settled();
        const uint32_t count = __atomic_load_n(&notes_[signal].count, __ATOMIC_ACQUIRE);
        const uint64_t noted = __atomic_load_n(&notes_[signal].time, __ATOMIC_RELAXED);
        const int32_t sender = __atomic_load_n(&notes_[signal].sender, __ATOMIC_RELAXED);
        const uint64_t now = monotonic();
        if (count != used_[signal] && now - noted < kTogether && sender == info.si_pid) {
            // Only real-time signals queue; of two others init may have got one, and the rest must not cost a later one.
            used_[signal] = signal >= SIGRTMIN ? used_[signal] + 1 : count;
            return true;
        }
        if (now - noted >= kTogether) used_[signal] = count;
        if (now - began >= kMost || (asleep && now - began >= least)) return false;
        const timespec moment{0, 100'000};
        nanosleep(&moment, nullptr);
    }
}

}  // namespace undercoat::instrument
