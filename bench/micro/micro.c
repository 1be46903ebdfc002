// Times small operations and prints one JSON object: nanoseconds per operation of each case.
//
// usage: micro [CASE...]     cases: getppid openat_close udp_connect tcp_refused fork_exec posix_spawn
//
// Must stay true: each case warms up before it is timed (the shim sets itself up after some calls), calls libc as a normal
// program does, and checks that the operation did what it should. A case's time is the median of kBatches batches.
#define _GNU_SOURCE
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

enum { kBatches = 15 };
extern char** environ;

static void die(const char* what) {
    fprintf(stderr, "micro: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int udp = -1;
static struct sockaddr_in closed_port;

static void do_getppid(void) {
    if (getppid() <= 0) die("getppid");
}

static void do_openat_close(void) {
    int fd = openat(AT_FDCWD, "/etc/hostname", O_RDONLY | O_CLOEXEC);
    if (fd < 0) die("openat /etc/hostname");
    close(fd);
}

static void do_udp_connect(void) {
    if (connect(udp, (struct sockaddr*)&closed_port, sizeof closed_port) != 0) die("connect (UDP)");
}

static void do_tcp_refused(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket");
    if (connect(fd, (struct sockaddr*)&closed_port, sizeof closed_port) == 0 || errno != ECONNREFUSED) die("connect (TCP)");
    close(fd);
}

static void reap(pid_t pid) {
    int status = 0;
    if (waitpid(pid, &status, 0) != pid) die("waitpid");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) die("/bin/true did not exit with 0");
}

static char* const kTrue[] = {(char*)"true", NULL};

static void do_fork_exec(void) {
    pid_t pid = fork();
    if (pid < 0) die("fork");
    if (pid == 0) {
        execve("/bin/true", kTrue, environ);
        _exit(127);
    }
    reap(pid);
}

static void do_posix_spawn(void) {
    pid_t pid;
    errno = posix_spawn(&pid, "/bin/true", NULL, NULL, kTrue, environ);
    if (errno) die("posix_spawn");
    reap(pid);
}

struct bench {
    const char* name;
    void (*run)(void);
    int warm_up;
    int per_batch;
};

static const struct bench kCases[] = {
    {"getppid", do_getppid, 1000, 20000},      {"openat_close", do_openat_close, 500, 2000},
    {"udp_connect", do_udp_connect, 500, 4000}, {"tcp_refused", do_tcp_refused, 200, 500},
    {"fork_exec", do_fork_exec, 10, 20},        {"posix_spawn", do_posix_spawn, 10, 20},
};

static double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void* a, const void* b) {
    double x = *(const double*)a, y = *(const double*)b;
    return x < y ? -1 : x > y;
}

static double measure(const struct bench* c) {
    double batch[kBatches];
    for (int i = 0; i < c->warm_up; ++i) c->run();
    for (int b = 0; b < kBatches; ++b) {
        const double start = now_ns();
        for (int i = 0; i < c->per_batch; ++i) c->run();
        batch[b] = (now_ns() - start) / c->per_batch;
    }
    qsort(batch, kBatches, sizeof batch[0], by_value);
    return batch[kBatches / 2];
}

static int wanted(const char* name, int argc, char** argv) {
    for (int i = 1; i < argc; ++i)
        if (strcmp(argv[i], name) == 0) return 1;
    return argc <= 1;
}

// A TCP and UDP port of the loopback on which nobody listens: one that was just given back.
static void find_closed_port(void) {
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

int main(int argc, char** argv) {
    const char* separator = "";
    find_closed_port();
    printf("{");
    for (size_t i = 0; i < sizeof kCases / sizeof kCases[0]; ++i) {
        if (!wanted(kCases[i].name, argc, argv)) continue;
        printf("%s\"%s\": %.1f", separator, kCases[i].name, measure(&kCases[i]));
        separator = ", ";
    }
    printf("}\n");
    return 0;
}
