// The operations that the benches repeat, as a program's own code would do them: through libc.
//
// Must stay true: each checks that the operation did what it should and ends the program if not; find_closed_port() comes before the
// operations on sockets.
#ifndef UNDERCOAT_BENCH_OPERATIONS_H
#define UNDERCOAT_BENCH_OPERATIONS_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char** environ;

static inline void die(const char* what) {
    fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int udp = -1;
static struct sockaddr_in closed_port;

static inline void do_getppid(void) {
    if (getppid() <= 0) die("getppid");
}

static inline void do_openat_close(void) {
    int fd = openat(AT_FDCWD, "/etc/hostname", O_RDONLY | O_CLOEXEC);
    if (fd < 0) die("openat /etc/hostname");
    close(fd);
}

static inline void do_udp_connect(void) {
    if (connect(udp, (struct sockaddr*)&closed_port, sizeof closed_port) != 0) die("connect (UDP)");
}

static inline void do_tcp_refused(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket");
    if (connect(fd, (struct sockaddr*)&closed_port, sizeof closed_port) == 0 || errno != ECONNREFUSED) die("connect (TCP)");
    close(fd);
}

static inline void reap(pid_t pid) {
    int status = 0;
    if (waitpid(pid, &status, 0) != pid) die("waitpid");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) die("/bin/true did not exit with 0");
}

static char* const kTrue[] = {(char*)"true", NULL};

static inline void do_fork_exec(void) {
    pid_t pid = fork();
    if (pid < 0) die("fork");
    if (pid == 0) {
        execve("/bin/true", kTrue, environ);
        _exit(127);
    }
    reap(pid);
}

static inline void do_posix_spawn(void) {
    pid_t pid;
    errno = posix_spawn(&pid, "/bin/true", NULL, NULL, kTrue, environ);
    if (errno) die("posix_spawn");
    reap(pid);
}

static inline double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

// A TCP and UDP port of the loopback on which nobody listens: one that was just given back.
static inline void find_closed_port(void) {
    closed_port.sin_family = AF_INET;
    closed_port.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof closed_port;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr*)&closed_port, size) != 0) die("bind");
    if (getsockname(fd, (struct sockaddr*)&closed_port, &size) != 0) die("getsockname");
    close(fd);
    udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (udp < 0) die("socket (UDP)");
}

#endif
