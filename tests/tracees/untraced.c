// Children by clone and clone3, with and without CLONE_UNTRACED, each opening a file: untraced FILE
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#ifndef CLONE_UNTRACED
#define CLONE_UNTRACED 0x00800000
#endif
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void child(const char *what, const char *file) {
    const int fd = syscall(SYS_openat, AT_FDCWD, file, O_RDONLY);
    _exit(fd < 0 ? errno : 0);
}

static void report(const char *what, long pid) {
    int status = -1;
    if (pid > 0) waitpid(pid, &status, __WALL);
    printf("%s %d\n", what, pid > 0 ? status : (int)pid);
}

// struct clone_args of clone3(2), version 0.
struct arguments {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
};

static long by_clone3(uint64_t flags) {
    struct arguments a;
    memset(&a, 0, sizeof a);
    a.flags = flags;
    a.exit_signal = SIGCHLD;
    return syscall(435, &a, sizeof a);
}

int main(int argc, char **argv) {
    long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) child("clone", argv[1]);
    report("clone", pid);
    pid = syscall(SYS_clone, SIGCHLD | CLONE_UNTRACED, 0, 0, 0, 0);
    if (pid == 0) child("clone untraced", argv[1]);
    report("clone untraced", pid);
    pid = by_clone3(0);
    if (pid == 0) child("clone3", argv[1]);
    report("clone3", pid);
    pid = syscall(SYS_clone, CLONE_PARENT_SETTID, 0, &pid, 0, 0);
    if (pid == 0) child("clone without a signal", argv[1]);
    report("clone without a signal", pid);
    return 0;
}
