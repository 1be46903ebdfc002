// Opens files that a rule alerts on, one after the other with pauses, and writes when each call began: NUMBER NANOSECONDS a line
// (CLOCK_MONOTONIC), in the file $BENCH_REPORT.
//
// usage: alerts PREFIX COUNT PAUSE_MICROSECONDS LOAD     opens PREFIX0, PREFIX1, …; LOAD: processes that open files all the time beside
//
// Must stay true: the pauses vary, so that they do not fall into step with anybody's; the load ends with the program.
#define _GNU_SOURCE
#include <signal.h>
#include <sys/prctl.h>

#include "bench/micro/operations.h"

int main(int argc, char** argv) {
    if (argc != 5) return fprintf(stderr, "usage: alerts PREFIX COUNT PAUSE_MICROSECONDS LOAD\n"), 2;
    const int count = atoi(argv[2]), load = atoi(argv[4]);
    const unsigned pause = (unsigned)atoi(argv[3]);
    double* began = calloc((size_t)count + 1, sizeof *began);
    pid_t pids[load + 1];
    if (!began) die("calloc");
    for (int p = 0; p < load; ++p) {
        pids[p] = fork();
        if (pids[p] < 0) die("fork");
        if (pids[p] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (;;) do_openat_close();
        }
    }
    srand(1);
    for (int i = 0; i < count; ++i) {
        char path[256];
        snprintf(path, sizeof path, "%s%d", argv[1], i);
        usleep(pause / 2 + (unsigned)rand() % (pause + 1));
        began[i] = now_ns();
        const int fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0) die(path);
        close(fd);
        unlink(path);
    }
    for (int p = 0; p < load; ++p) {
        kill(pids[p], SIGKILL);
        waitpid(pids[p], NULL, 0);
    }
    FILE* out = fopen(getenv("BENCH_REPORT") ? getenv("BENCH_REPORT") : "/dev/stdout", "we");
    if (!out) die("BENCH_REPORT");
    for (int i = 0; i < count; ++i) fprintf(out, "%d %.0f\n", i, began[i]);
    return fclose(out) == 0 ? 0 : 1;
}
