// Runs a command several times and reports the time of all runs but the first ones.
//
// usage: stopwatch COUNT WARM_UPS COMMAND [ARGUMENT...]      COUNT 0: reports at once, runs nothing
//
// Must stay true: a run that does not end with 0 ends the program with 1.
#define _GNU_SOURCE
#include "bench/overhead/programs/report.h"

static void once(char** argv) {
    pid_t pid;
    errno = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
    if (errno) die(argv[0]);
    int status = 0;
    if (waitpid(pid, &status, 0) != pid) die("waitpid");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "stopwatch: %s: wait status %#x\n", argv[0], (unsigned)status);
        exit(1);
    }
}

int main(int argc, char** argv) {
    if (argc < 3) return fprintf(stderr, "usage: stopwatch COUNT WARM_UPS COMMAND...\n"), 2;
    const int count = atoi(argv[1]), warm_ups = atoi(argv[2]);
    for (int i = 0; i < warm_ups; ++i) once(argv + 3);
    report_begin();
    for (int i = 0; i < count; ++i) once(argv + 3);
    report_end(count);
    return 0;
}
