// What a bench program says to bench/overhead: one JSON object in the file $BENCH_REPORT. report_begin() keeps what the cgroup of the run
// had used at the first timed operation, as the file $BENCH_USAGE says it; report_end() writes the report.
//
// Must stay true: nothing here runs between the two but the timed operations.
#ifndef UNDERCOAT_BENCH_REPORT_H
#define UNDERCOAT_BENCH_REPORT_H

#include "bench/micro/operations.h"

static char report_usage[512];
static double report_began;

static inline void report_begin(void) {
    const char* file = getenv("BENCH_USAGE");
    const int fd = file && *file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        const ssize_t n = read(fd, report_usage, sizeof report_usage - 1);
        report_usage[n > 0 ? n : 0] = '\0';
        close(fd);
    }
    for (char* c = report_usage; *c; ++c)
        if (*c == '\n') *c = ' ';
    report_began = now_ns();
}

static inline void report_end(double units) {
    const double ended = now_ns();
    const char* file = getenv("BENCH_REPORT");
    FILE* out = file ? fopen(file, "we") : stdout;
    if (!out) die("BENCH_REPORT");
    fprintf(out, "{\"began\": %.9f, \"seconds\": %.9f, \"units\": %.0f, \"usage\": \"%s\"}\n", report_began / 1e9,
            (ended - report_began) / 1e9, units, report_usage);
    if (fclose(out) != 0) die("BENCH_REPORT");
}

#endif
