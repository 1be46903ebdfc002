// One attack on a process: assault KIND PID [hidden] prints the errno that it got, 0 when it was let through; hidden: it is not dumpable.
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int is(const char *a, const char *b) { return strcmp(a, b) == 0; }

static int by_fd(const char *kind, int pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d", pid);
    const int fd = is(kind, "proc_directory_signal") ? open(path, O_RDONLY | O_DIRECTORY) : (int)syscall(434, pid, 0);
    if (fd < 0) return -1;
    if (is(kind, "pidfd_getfd")) return (int)syscall(438, fd, 0, 0);
    if (is(kind, "process_madvise")) {
        struct iovec v = {(void *)0x10000, 4096};
        return (int)syscall(440, fd, &v, 1UL, 21 /* MADV_PAGEOUT */, 0);
    }
    return (int)syscall(424, fd, SIGKILL, NULL, 0);
}

// Has the kernel send SIGKILL to whom the descriptor's owner is, once something can be read.
static int by_owner(const char *kind, int pid) {
    struct { int type, pid; } ex = {1, pid};
    int pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    const int r = is(kind, "f_setown_ex") ? fcntl(pair[0], 15, &ex) : fcntl(pair[0], F_SETOWN, is(kind, "f_setown_group") ? -pid : pid);
    if (r != 0) return r;
    fcntl(pair[0], 10, SIGKILL);
    fcntl(pair[0], F_SETFL, O_ASYNC | O_NONBLOCK);
    return write(pair[1], "x", 1) == 1 ? 0 : -1;
}

static int signal_by(const char *kind, int pid) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    info.si_code = SI_QUEUE;
    if (is(kind, "kill")) return (int)syscall(SYS_kill, pid, SIGKILL);
    if (is(kind, "kill_group")) return (int)syscall(SYS_kill, -pid, SIGKILL);
    if (is(kind, "stop")) return (int)syscall(SYS_kill, pid, SIGSTOP);
    if (is(kind, "fault")) return (int)syscall(SYS_kill, pid, SIGSEGV);
    if (is(kind, "tkill")) return (int)syscall(SYS_tkill, pid, SIGKILL);
    if (is(kind, "tgkill")) return (int)syscall(SYS_tgkill, pid, pid, SIGKILL);
    if (is(kind, "rt_sigqueueinfo")) return (int)syscall(SYS_rt_sigqueueinfo, pid, SIGKILL, &info);
    return (int)syscall(SYS_rt_tgsigqueueinfo, pid, pid, SIGKILL, &info);
}

static int slow(const char *kind, int pid) {
    struct { uint32_t size, policy; uint64_t flags; int32_t nice; uint32_t priority; uint64_t times[3]; } attr = {48, SCHED_IDLE, 0, 0, 0, {0}};
    struct sched_param none = {0};
    const uint64_t one = 1;
    struct rlimit tight = {1, 1};
    if (is(kind, "sched_setaffinity")) return (int)syscall(SYS_sched_setaffinity, pid, sizeof one, &one);
    if (is(kind, "sched_setscheduler")) return (int)syscall(SYS_sched_setscheduler, pid, SCHED_IDLE, &none);
    if (is(kind, "sched_setparam")) return (int)syscall(SYS_sched_setparam, pid, &none);
    if (is(kind, "sched_setattr")) return (int)syscall(SYS_sched_setattr, pid, &attr, 0);
    if (is(kind, "setpriority")) return (int)syscall(SYS_setpriority, PRIO_PROCESS, pid, 19);
    if (is(kind, "setpriority_group")) return (int)syscall(SYS_setpriority, PRIO_PGRP, pid, 19);
    if (is(kind, "ioprio_set")) return (int)syscall(SYS_ioprio_set, 1, pid, 3 << 13);
    return (int)syscall(SYS_prlimit64, pid, RLIMIT_CPU, &tight, NULL);
}

static int pry(const char *kind, int pid) {
    struct iovec v = {&v, sizeof v}, there = {(void *)0x10000, sizeof v};
    unsigned long nodes = 1;
    if (is(kind, "ptrace_seize")) return (int)syscall(SYS_ptrace, 0x4206, pid, 0, 0);
    if (is(kind, "ptrace_attach")) return (int)syscall(SYS_ptrace, PTRACE_ATTACH, pid, 0, 0);
    if (is(kind, "process_vm_writev")) return (int)syscall(SYS_process_vm_writev, pid, &v, 1UL, &there, 1UL, 0UL);
    if (is(kind, "kcmp")) return (int)syscall(SYS_kcmp, getpid(), pid, 2, 0, 0) < 0 ? -1 : 0;
    if (is(kind, "migrate_pages")) return (int)syscall(SYS_migrate_pages, pid, 64, &nodes, &nodes);
    return (int)syscall(SYS_move_pages, pid, 0UL, NULL, NULL, NULL, 0);
}

int main(int argc, char **argv) {
    const char *kind = argv[1];
    const int pid = atoi(argv[2]);
    int r;
    if (argc > 3) prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    errno = 0;
    if (strstr(kind, "pidfd") || strstr(kind, "proc_directory") || strstr(kind, "madvise")) r = by_fd(kind, pid);
    else if (strstr(kind, "setown")) r = by_owner(kind, pid);
    else if (strstr(kind, "kill") || strstr(kind, "queueinfo") || is(kind, "stop") || is(kind, "fault")) r = signal_by(kind, pid);
    else if (strstr(kind, "ptrace") || strstr(kind, "vm_") || strstr(kind, "_pages") || is(kind, "kcmp")) r = pry(kind, pid);
    else r = slow(kind, pid);
    printf("%s %d\n", kind, r < 0 ? errno : 0);
    return 0;
}
