// Calls from several processes at once, and how long the slowest took: held_load PROCESSES CALLS [exec] [raw]
// Each process opens its own files, each path once; every 16th turn with `exec` it executes /bin/true as well. Prints what failed, and
// for each process the time in ms of its slowest call, and the longest that it had to wait for a processor meanwhile.
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

static void run(int process, int calls, int exec, int raw) {
    long slowest = 0, starved = 0, last = now_us();
    for (int i = 0; i < calls; ++i) {
        char path[64], number[16], *argv[] = {"true", number, NULL}, *none[] = {NULL};
        snprintf(path, sizeof path, "/nonexistent/uc-%d-%d", process, i);
        const long began = now_us();
        const int fd = raw ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY) : open(path, O_RDONLY);
        const int error = errno;
        const long ended = now_us(), took = ended - began;
        if (began - last > starved) starved = began - last;
        if (took > slowest) slowest = took;
        if (fd >= 0 || error != ENOENT) printf("%s: %s\n", path, fd >= 0 ? "opened" : strerror(error));
        last = ended;
        if (!exec || i % 16 != 0) continue;
        pid_t child;
        int status = 0;
        snprintf(number, sizeof number, "%d-%d", process, i);
        const int failed = posix_spawn(&child, "/bin/true", NULL, NULL, argv, none);
        if (failed || waitpid(child, &status, 0) != child || status) printf("true: %s %d\n", strerror(failed), status);
        last = now_us();
    }
    printf("slowest %ld starved %ld\n", slowest / 1000, starved / 1000);
}

int main(int argc, char **argv) {
    int exec = 0, raw = 0, status, failed = 0;
    for (int i = 3; i < argc; ++i) {
        exec |= !strcmp(argv[i], "exec");
        raw |= !strcmp(argv[i], "raw");
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("started\n");
    for (int p = 0; p < atoi(argv[1]); ++p)
        if (fork() == 0) {
            run(p, atoi(argv[2]), exec, raw);
            exit(0);
        }
    while (wait(&status) > 0) failed += status != 0;
    return failed;
}
